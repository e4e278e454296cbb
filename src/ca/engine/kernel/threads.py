"""How many threads the compiled kernel uses."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

_taken: int | None = None  # threads that the kernel has taken over from PyTorch


def num_threads() -> int:
    """As many as PyTorch would use: what `OMP_NUM_THREADS` says, else the processor's cores."""
    return torch.get_num_threads() if _taken is None else _taken


def take_over_threads() -> None:
    """Let the kernel have PyTorch's threads, and leave PyTorch one.

    What remains for PyTorch beside the kernel is too small to share, and its threads would keep the kernel's
    waiting. A second call changes nothing, unless PyTorch has been given several threads again.
    """
    global _taken
    threads = torch.get_num_threads()
    if _taken is None or threads > 1:
        _taken = threads
    torch.set_num_threads(1)


@contextmanager
def restored_threads() -> Generator[None]:
    """Restore PyTorch's threads, and which of them the kernel has, when the `with` block ends."""
    global _taken
    before = _taken, torch.get_num_threads()
    try:
        yield
    finally:
        _taken = before[0]
        torch.set_num_threads(before[1])
