"""`ca sweep`: many training runs over a grid or a search of settings, on any number of cores and machines."""
