"""`ca report --robustness`: how automata do on digits that are unlike those of the data set."""
