"""The device and the threads that compute an automaton."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from ca.engine.device import configure_threads
from ca.engine.kernel.threads import restored_threads
from ca.model import CellularAutomaton


def device_of(automaton: CellularAutomaton) -> torch.device:
    """The device that an automaton is on."""
    return next(automaton.parameters()).device


@contextmanager
def engine_threads(automaton: CellularAutomaton) -> Generator[None]:
    """Leave PyTorch's threads to the compiled kernel within the `with` block, and restore them after it."""
    with restored_threads():
        configure_threads(device_of(automaton), automaton.architecture)
        yield
