"""`ca report`: the evaluation protocol on the test set, as a table, JSON and figures."""
