"""`ca benchmark`: speed, memory and start-up of this machine."""
