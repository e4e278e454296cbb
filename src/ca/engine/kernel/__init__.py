"""The compiled kernel: C++ that computes rollouts and their gradients on the CPU; README.md explains it."""
