"""The folder that a command writes into, made and tried before any work is done."""

import os
from pathlib import Path

from ca.errors import FailedError


def prepare_folder(folder: Path) -> Path:
    """Make a folder and check that files can be written in it.

    Raises:
        FailedError: they can't
    """
    probe = folder / f".writable.tmp-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise FailedError(
            f"can't write into {folder}: {error.strerror}; choose another --output-dir"
        ) from error
    return folder
