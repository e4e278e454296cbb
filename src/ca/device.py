"""Where the numbers live, and where chance comes from."""

import torch

from ca.errors import FailedError, UsageError
from ca.native.library import library


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else the CPU.

    On the CPU PyTorch is told to use one thread if there is the compiled kernel, which has threads of its
    own: what is left for PyTorch is too small to share, and its threads would keep the kernel's waiting.

    Raises:
        UsageError: there is no such name
        FailedError: there is no such device here
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name} is unknown: use auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cpu" and library() is not None:
        torch.set_num_threads(1)
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise FailedError(f"device '{name}' is not available here: use --device cpu") from error
    return device


def seeded(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of random numbers on a device."""
    return torch.Generator(device).manual_seed(seed)
