"""The engine's compiled kernel: `rollout.cpp`, and how it is built and called; README.md explains it."""
