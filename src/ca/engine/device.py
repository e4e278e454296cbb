"""The device that computes, and what else the bits of a result depend on."""

import torch

from ca.engine.kernel.build import library
from ca.engine.kernel.threads import take_over_threads
from ca.system.errors import FailedError, UsageError


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
        take_over_threads()
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise FailedError(f"device '{name}' is not available here: use --device cpu") from error
    return device


def machine(device: torch.device, processes: int) -> dict[str, str | int]:
    """What the bits of a run depend on besides its settings, as JSON values."""
    compiled = device.type == "cpu" and library() is not None
    return {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "engine": "compiled" if compiled else "torch",
        "threads": torch.get_num_threads(),
        "processes": processes,
    }
