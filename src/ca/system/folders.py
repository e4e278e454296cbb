"""Output folders: created and tested before any work is done, and locked during a run."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ca.system.errors import FailedError
from ca.system.publish import staging, sweep


@contextmanager
def writing(path: Path, *, into: bool = False, advice: str = "") -> Generator[None]:
    """Report an OSError of the `with` block in one line: what can't be written, and why.

    Args:
        into: the path is a folder that files are written into
        advice: what to do about it, at the end of the line

    Raises:
        FailedError: in place of an OSError
    """
    try:
        yield
    except OSError as error:
        reason = str(error.strerror or error).strip().split("\n")[0]
        raise FailedError(f"can't write {'into ' if into else ''}{path}: {reason}{advice}") from error


def prepare_folder(folder: Path) -> Path:
    """Create a folder and check that files can be written into it.

    Raises:
        FailedError: they can't be
    """
    with writing(folder, into=True, advice="; choose another --output-dir"):
        folder.mkdir(parents=True, exist_ok=True)
        with staging(folder) as inside:
            (inside / "probe").write_bytes(b"x")
    return folder


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Lock a folder for this process, for the `with` block. The lock ends with the process.

    Raises:
        FailedError: another process has locked it, or files can't be written into it
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
    except OSError:  # Windows does not read locked files
        return "another process"
