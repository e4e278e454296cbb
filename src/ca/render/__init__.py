"""Colours, pictures of cells, and common parts of all figures."""
