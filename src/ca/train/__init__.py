"""`ca train`: the training step, the loop around it, and all that a run writes."""
