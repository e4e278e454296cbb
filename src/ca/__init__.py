"""Neural cellular automata that classify handwritten digits, cell by cell.

The automaton and its update rule are in `ca.model`, the engine that trains it fast in `ca.engine`, the
training step in `ca.training_step`. Nothing is imported here, so that `ca --help` answers at once.
"""

from importlib.metadata import version

__version__ = version("ca")
