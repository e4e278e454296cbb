"""Output folders: made and tested before any work is done; a run keeps its folder locked."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ca.system.errors import FailedError
from ca.system.publish import sweep


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


@contextmanager
def locked(folder: Path) -> Generator[None]:
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
