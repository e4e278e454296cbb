"""Checks of the arguments of public functions."""

from typing import Any, get_args


def check_at_least(least: int, name: str, value: int) -> None:
    """Raise ValueError if a number is too small."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def check_choice(name: str, value: str, choices: Any) -> None:
    """Raise ValueError if a value is none of a `Literal` type."""
    if value not in get_args(choices):
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(get_args(choices))}")
