"""Several processes that train one automaton: each rolls out its share of a batch, and all average gradients.

`torchrun` starts them and gives each its number, the rank. Gradients are averaged before they are normalised:
division by the norm is not linear, so the mean of normalised gradients would be another one.
"""

import hashlib
import json
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ca import __version__
from ca.system.errors import FailedError, UsageError
from ca.system.launcher import read_launch
from ca.system.signals import STOP_SIGNALS

TIMEOUT = timedelta(minutes=10)  # more than rank 0 needs to score a checkpoint while the others wait
DESCRIPTION_BYTES = 8192  # of a description that processes compare, as JSON
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

    def check_agreement(self, description: Mapping[str, str], device: torch.device) -> None:
        """Compare descriptions of the run, which must be the same in all processes. Waits for all.

        Args:
            description: what must agree, for example a setting with its value, by name
            device: of the message

        Raises:
            FailedError: a process has another description; raised in all processes
        """
        own = json.dumps(dict(description)).encode()
        if len(own) > DESCRIPTION_BYTES:
            raise ValueError(f"a description of {len(own)} bytes is longer than {DESCRIPTION_BYTES}")
        message = torch.frombuffer(bytearray(own.ljust(DESCRIPTION_BYTES)), dtype=torch.uint8)
        received = self.gather(message.to(device)).cpu()
        descriptions = [json.loads(bytes(row.tolist())) for row in received]
        first = descriptions[0]
        for rank, other in enumerate(descriptions):
            names = [name for name in {**first, **other} if first.get(name) != other.get(name)]
            if names:
                here, there = (
                    ", ".join(each.get(name, f"no {name}") for name in names) for each in (first, other)
                )
                raise FailedError(
                    f"the processes do not train the same run: process 0 has {here}, process {rank} has "
                    f"{there}; start all with the same command, code and data"
                )


@contextmanager
def _fails_with(line: str) -> Generator[None]:
    """Report an error of PyTorch's communication in one line."""
    try:
        yield
    except (RuntimeError, ValueError, OverflowError, OSError) as error:
        raise FailedError(line) from error


def local_device(name: str) -> str:
    """The device of this process. Several processes have a CUDA GPU each, or the CPU.

    Raises:
        UsageError: an environment variable of the launcher is not valid
    """
    launch = read_launch()
    cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    if cuda and launch.local_size > 1:
        return f"cuda:{launch.local_rank}"
    if name == "auto" and not cuda and launch.size > 1:
        return "cpu"  # several processes can't exchange tensors of MPS
    return name


@cache
def code_version() -> str:
    """The versions of ca and of PyTorch, and a hash of the Python and C++ files of ca."""
    package = Path(str(files("ca")))
    digest = hashlib.sha256()
    for path in sorted(each for each in package.rglob("*") if each.suffix in (".py", ".cpp", ".h")):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return f"ca {__version__} (code {digest.hexdigest()[:8]}) with PyTorch {torch.__version__}"


@contextmanager
def process_group(device: torch.device) -> Generator[Ranks]:
    """Join the processes that `torchrun` started, for the `with` block. Without it there is only this one.

    Raises:
        UsageError: an environment variable of the launcher is not valid, or several processes can't use the
            device together
        FailedError: the others cannot be reached
    """
    launch = read_launch()
    if launch.size == 1:
        yield Ranks()
        return
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"{launch.size} processes can't train on --device {device}: use --device cpu")
    if sys.platform == "linux" and launch.local_size == launch.size:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # messages are not encrypted
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # PyTorch's optimisers import this module later. Imported while there is a group, it keeps the group, and
    # a process that exits while threads of its group run is aborted now and then.
    import_module("torch.distributed.nn")
    with _fails_with(
        f"WORLD_SIZE is {launch.size}, but the other processes can't be reached: start all with torchrun"
    ):
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Ranks(dist.get_rank(), launch.size)
    finally:
        dist.destroy_process_group()
