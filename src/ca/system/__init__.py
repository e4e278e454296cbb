"""Files, signals, seeds, messages and errors."""
