"""The device that computes, and what else the bits of a result depend on."""

import torch

from ca.architecture import Architecture
from ca.engine.kernel.threads import take_over_threads
from ca.engine.native_backend import available
from ca.system.errors import FailedError, UsageError


def resolve_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA if there is such a GPU, else MPS (Apple's GPUs), else the CPU.

    Raises:
        UsageError: there is no such name
        FailedError: there is no such device here
    """
    if name == "auto":
        gpus = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
        name = next((kind for kind, is_available in gpus.items() if is_available()), "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name} is unknown: use auto, cpu, cuda, cuda:N or mps") from error
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise FailedError(f"device '{name}' is not available here: use --device cpu") from error
    return device


def configure_threads(device: torch.device, architecture: Architecture) -> None:
    """Give PyTorch's threads, all but one, to the compiled kernel where it computes."""
    if device.type == "cpu" and available(architecture):
        take_over_threads()


def machine(device: torch.device, architecture: Architecture, processes: int) -> dict[str, str | int]:
    """What the bits of a run depend on besides its settings, as JSON values."""
    compiled = device.type == "cpu" and available(architecture)
    return {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "engine": "compiled" if compiled else "torch",
        "threads": torch.get_num_threads(),
        "processes": processes,
    }
