"""What checkpoints are called where several stand side by side."""

from collections.abc import Sequence
from pathlib import Path

from ca.system.errors import UsageError


def distinct_names(checkpoints: Sequence[Path]) -> list[str]:
    """The folders' names, or as few trailing parts of their paths as tell all of them apart.

    Raises:
        UsageError: a checkpoint is given twice, or two can't be told apart
    """
    paths = [path.resolve() for path in checkpoints]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise UsageError(f"checkpoint {checkpoints[number]} is given twice")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = [Path(*path.parts[-depth:]).as_posix() for path in paths]
        if len({in_file_name(name) for name in names}) == len(names):
            return names
    raise UsageError("the checkpoints' paths are too alike to name files after them: rename a folder")


def in_file_name(name: str) -> str:
    """A checkpoint's name as part of a file's name."""
    return name.replace("/", "-")
