"""Short distinct names for checkpoints."""

from collections.abc import Sequence
from pathlib import Path

from ca.checkpoint.names import in_file_name
from ca.system.errors import UsageError


def distinct_names(checkpoints: Sequence[Path]) -> list[str]:
    """The names of the checkpoints' folders; with parent folders, as few as make all names distinct.

    Raises:
        UsageError: a checkpoint is given twice, or no number of parent folders makes the names distinct
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
