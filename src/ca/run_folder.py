"""The folder of a training run: one process has it while it runs, and clears away what a killed one left."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ca.errors import FailedError
from ca.output_folder import prepare_folder
from ca.publish import sweep


@contextmanager
def hold(folder: Path) -> Generator[None]:
    """Keep a folder for this process while the `with` block lasts; a killed process keeps nothing.

    Raises:
        FailedError: another process has it, or files can't be written in it
    """
    prepare_folder(folder)
    path = folder / ".lock"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FailedError(f"{folder} is in use by {_holder(path)}: choose another --output-dir") from error
    with lock:
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        sweep(folder)
        sweep(folder / "batches")
        yield


def _holder(path: Path) -> str:
    try:
        return path.read_text().strip() or "another process"
    except OSError:  # Windows reads no locked file
        return "another process"
