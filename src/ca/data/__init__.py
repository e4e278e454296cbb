"""Data sets, and the MNIST digits that come with the package."""
