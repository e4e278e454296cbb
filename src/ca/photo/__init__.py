"""`ca classify`: photographs and scans of handwritten digits."""
