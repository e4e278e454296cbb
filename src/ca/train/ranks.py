"""Several processes that train one automaton: each rolls out its share of a batch, and all average gradients.

`torchrun` starts them and tells each its number, the rank. The average is taken before gradients are
normalised: dividing by the norm is not linear, so normalising first would be another algorithm.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ca.system.errors import FailedError
from ca.system.signals import STOP_SIGNALS

PATIENCE = timedelta(minutes=10)  # more than rank 0 needs to score a checkpoint while the others wait
GONE = "another process of this run has failed or is gone: this one ends too"


@dataclass(frozen=True)
class Ranks:
    """The processes of a run: this one's number and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and tells of the run."""
        return self.rank == 0

    def average(self, module: nn.Module, loss: Tensor, weight: float, signal: int) -> tuple[Tensor, int]:
        """Set the gradients to their mean over all processes, with one exchange of all that a step needs.

        Returns:
            the mean of the losses, each counted by its weight, and a stop signal that any process got, or 0
        """
        if self.size == 1:
            return loss, signal
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        own = torch.cat([*(gradient.flatten() for gradient in gradients), loss.view(1)]) * weight
        stops = [float(signal == each) for each in STOP_SIGNALS]
        flat = torch.cat([own, own.new_tensor([weight, *stops])])
        with _others_needed(GONE):
            dist.all_reduce(flat)
        total, *stops = flat[len(own) :].tolist()
        *parts, mean_loss = (flat[: len(own)] / total).split([*(each.numel() for each in gradients), 1])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return mean_loss[0], next((each for each, count in zip(STOP_SIGNALS, stops, strict=True) if count), 0)

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors (...) of all processes, which have one shape: (processes, ...); waits for all."""
        if self.size == 1:
            return tensor.unsqueeze(0)
        gathered = [torch.empty_like(tensor) for _ in range(self.size)]
        with _others_needed(GONE):
            dist.all_gather(gathered, tensor)
        return torch.stack(gathered)


@contextmanager
def _others_needed(trouble: str) -> Generator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise FailedError(trouble) from error


def local_device(name: str) -> str:
    """The device of this process: where there are GPUs, each has one of its own."""
    several = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1
    own_gpu = several and (name == "cuda" or (name == "auto" and torch.cuda.is_available()))
    return f"cuda:{os.environ['LOCAL_RANK']}" if own_gpu else name


@contextmanager
def process_group(device: torch.device) -> Generator[Ranks]:
    """Be one of the processes that `torchrun` started; alone without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    if sys.platform == "linux" and os.environ.get("LOCAL_WORLD_SIZE") == str(size):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # messages are not encrypted
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # PyTorch's optimisers import it later; then it would keep the group, and a process that ends while some
    # thread of its group is left is aborted now and then.
    import_module("torch.distributed.nn")
    with _others_needed(f"WORLD_SIZE is {size}, but the others can't be reached: start all with torchrun"):
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
