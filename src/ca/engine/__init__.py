"""The engine: the update rule computed only for the cells that are alive and fire."""
