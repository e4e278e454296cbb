"""The environment variables that `torchrun` and other launchers set for each process that they start."""

import os
import re
from dataclasses import dataclass

from ca.system.errors import UsageError


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that were started together.

    Attributes:
        rank: number of this process, from 0 on
        size: number of processes
        local_rank: number of this process among those on this machine
        local_size: number of processes on this machine
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def read_launch() -> Launch:
    """Read WORLD_SIZE, RANK, LOCAL_WORLD_SIZE and LOCAL_RANK. Unset and empty mean: one process.

    Raises:
        UsageError: one of them is not a number, or they contradict each other
    """
    size = _number("WORLD_SIZE", least=1)
    rank = _number("RANK", least=0)
    local_size = _number("LOCAL_WORLD_SIZE", least=1)
    local_rank = _number("LOCAL_RANK", least=0)
    _check_below("RANK", rank, "WORLD_SIZE", size)
    _check_below("LOCAL_RANK", local_rank, "LOCAL_WORLD_SIZE", local_size)
    if size is not None and local_size is not None and local_size > size:
        raise UsageError(
            f"LOCAL_WORLD_SIZE is {local_size}, but WORLD_SIZE is {size}: start all processes with torchrun"
        )
    return Launch(rank or 0, size or 1, local_rank or 0, local_size or 1)


def _number(name: str, *, least: int) -> int | None:
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    if not re.fullmatch("[0-9]{1,9}", value) or int(value) < least:
        raise UsageError(
            f"the environment variable {name} is {value[:40]!a}, expected a number from {least} on: "
            "unset it to train with one process"
        )
    return int(value)


def _check_below(name: str, value: int | None, limit_name: str, limit: int | None) -> None:
    if value is not None and limit is not None and value >= limit:
        raise UsageError(
            f"{name} is {value}, but {limit_name} is {limit}: expected a number from 0 to {limit - 1}; "
            "start all processes with torchrun"
        )
