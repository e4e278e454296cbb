"""Files, signals, seeds and messages: what has nothing to do with automata."""
