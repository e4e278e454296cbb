"""Checks of single settings: a value out of range is refused in a line that names its flag."""

import math
from collections.abc import Callable

from ca.architecture import Architecture
from ca.settings.flags import flag
from ca.system.errors import UsageError

MAX_COUNT = 10**9
MAX_NOISE = 1000.0  # with more, the states of cells overflow
MAX_SEED = 2**63 - 1  # PyTorch's generators take no more


def check_count(name: str, value: int, least: int = 1) -> None:
    """Raise UsageError unless the number is between `least` and `MAX_COUNT`."""
    if value < least:
        raise UsageError(f"{flag(name)} must be at least {least}, not {value}")
    if value > MAX_COUNT:
        raise UsageError(f"{flag(name)} must be at most {MAX_COUNT}, not {value}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise UsageError unless the number is finite and between `low` and `high`."""
    if not (low <= value <= high and math.isfinite(value)):
        raise UsageError(f"{flag(name)} must be between {low:g} and {high:g}, not {value}")


def check_architecture(make: Callable[[], Architecture]) -> None:
    """Raise UsageError, which names the flag, unless an architecture can be made of the settings."""
    try:
        make()
    except ValueError as error:
        name, words = str(error).split(" ", 1)
        raise UsageError(f"{flag(name)} {words}") from None


def check_seed(value: int) -> None:
    """Raise UsageError unless the number is one that generators of random numbers take."""
    if not 0 <= value <= MAX_SEED:
        raise UsageError(f"--seed must be between 0 and 2^63 - 1, not {value}")
