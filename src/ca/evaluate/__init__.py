"""`ca evaluate`: videos of digits that classify themselves."""
