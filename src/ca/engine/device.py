"""The device that computes, and what else the bits of a result depend on."""

import torch

from ca.engine.kernel.build import library
from ca.system.errors import FailedError, UsageError


def resolve_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else the CPU.

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
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise FailedError(f"device '{name}' is not available here: use --device cpu") from error
    return device


def configure_threads(device: torch.device) -> None:
    """Let PyTorch use one thread where the compiled kernel, which has threads of its own, computes.

    What is left for PyTorch is too small to be shared, and its threads would keep the kernel's waiting.
    """
    if device.type == "cpu" and library() is not None:
        torch.set_num_threads(1)


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
