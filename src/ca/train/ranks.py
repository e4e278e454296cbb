"""Several processes that train one automaton: each rolls out its share of a batch, and all average gradients.

`torchrun` starts them and gives each its number, the rank. Gradients are averaged before they are normalised:
division by the norm is not linear, so the mean of normalised gradients would be another one.
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

TIMEOUT = timedelta(minutes=10)  # more than rank 0 needs to score a checkpoint while the others wait
LOST_PROCESS = "another process of this run has failed or ended: this one ends too"


@dataclass(frozen=True)
class Exchanged:
    """What all processes know after an exchange.

    Attributes:
        loss: scalar, the mean over all processes
        stop_signal: a stop signal that any process received, or 0
    """

    loss: Tensor
    stop_signal: int


@dataclass(frozen=True)
class Ranks:
    """The processes of a run: the number of this one, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and prints the progress."""
        return self.rank == 0

    def exchange(self, module: nn.Module, loss: Tensor, count: int, stop_signal: int) -> Exchanged:
        """Average loss and gradients over all processes and share stop signals, in one message.

        The gradients of the module's parameters are replaced by their means.

        Args:
            loss: scalar, this process's mean over `count` cells or digits; means are weighted by it
            stop_signal: a stop signal that this process received, or 0
        """
        if self.size == 1:
            return Exchanged(loss, stop_signal)
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        own = torch.cat([*(gradient.flatten() for gradient in gradients), loss.view(1)]) * count
        stops = [float(stop_signal == each) for each in STOP_SIGNALS]
        message = torch.cat([own, own.new_tensor([count, *stops])])
        with _fails_with(LOST_PROCESS):
            dist.all_reduce(message)
        total, *stops = message[len(own) :].tolist()
        *means, mean_loss = (message[: len(own)] / total).split([*(each.numel() for each in gradients), 1])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        received = [each for each, processes in zip(STOP_SIGNALS, stops, strict=True) if processes]
        return Exchanged(mean_loss[0], received[0] if received else 0)

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors (...) of all processes, which have one shape: (processes, ...). Waits for all."""
        if self.size == 1:
            return tensor.unsqueeze(0)
        gathered = [torch.empty_like(tensor) for _ in range(self.size)]
        with _fails_with(LOST_PROCESS):
            dist.all_gather(gathered, tensor)
        return torch.stack(gathered)


@contextmanager
def _fails_with(line: str) -> Generator[None]:
    """Report an error of PyTorch's communication in one line."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise FailedError(line) from error


def local_device(name: str) -> str:
    """The device of this process. If there are several GPUs and processes, each process has its own."""
    several = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1
    own_gpu = several and (name == "cuda" or (name == "auto" and torch.cuda.is_available()))
    return f"cuda:{os.environ['LOCAL_RANK']}" if own_gpu else name


@contextmanager
def process_group(device: torch.device) -> Generator[Ranks]:
    """Join the processes that `torchrun` started, for the `with` block. Without it there is only this one.

    Raises:
        FailedError: the others cannot be reached
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    if sys.platform == "linux" and os.environ.get("LOCAL_WORLD_SIZE") == str(size):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # messages are not encrypted
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # PyTorch's optimisers import this module later. Imported while there is a group, it keeps the group, and
    # a process that exits while threads of its group run is aborted now and then.
    import_module("torch.distributed.nn")
    with _fails_with(
        f"WORLD_SIZE is {size}, but the other processes can't be reached: start all with torchrun"
    ):
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Ranks(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
