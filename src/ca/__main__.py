"""`python -m ca`, as `torchrun` starts it."""

from ca.cli import main

main()
