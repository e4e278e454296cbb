"""Colours, pictures of cells, and what all figures share."""
