"""Output folders: created and tested before any work is done, and locked during a run."""

import errno
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ca.system.errors import FailedError
from ca.system.publish import staging, sweep
from ca.system.reading import read_regular
from ca.system.terminal import print_line

LOCK, HOLDER = ".lock", ".lock-holder"
MAX_HOLDER_BYTES = 300
WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # of file systems


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
    if folder.exists() and not folder.is_dir():
        raise FailedError(f"can't write into {folder}: it is not a folder; choose another --output-dir")
    with writing(folder, into=True, advice="; choose another --output-dir"):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        with staging(folder) as inside:
            (inside / "probe").write_bytes(b"x")
    return folder


class FolderLock:
    """The lock of an output folder, which one run holds at a time. It ends with the process.

    The lock is on the file `.lock`. `.lock-holder` names the process: Windows can't read or write a locked
    file through a second handle. If the file system has no locks, a line is printed, and the folder is not
    protected.

    Raises:
        FailedError: another run has locked the folder, or `.lock` cannot be opened
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / LOCK
        self._lock = FileLock(self.path, fallback_to_soft=False)
        self._identity: tuple[int, int] | None = None  # device and inode; None without a lock
        self._reported = False
        self._acquire("choose another --output-dir")

    def check(self) -> None:
        """Check that the folder is still this run's. Call it before files are written.

        If `.lock` or the whole folder was removed or renamed, lock the folder again and print a line.

        Raises:
            FailedError: another run has locked the folder since then
        """
        if self._identity is None:
            return
        try:
            found = _identity(self.path)
        except FileNotFoundError:
            found = None
        except OSError:  # the folder is no longer readable, or no folder: writing into it will fail
            return
        if found == self._identity:
            return
        removed = (
            f"{self.path} was removed" if self.folder.exists() else f"{self.folder} was removed or renamed"
        )
        ending = f"{removed} during this run, which ends here"
        self._release()
        if found is not None:  # another run has made the file, and may have written others
            with suppress(OSError):
                self._lock.acquire(timeout=0)
                raise FailedError(f"{self.folder} has been used by another run: {ending}")
            raise FailedError(f"{self.folder} is in use by {self._holder()}: {ending}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._acquire(ending)
        except OSError as error:
            if not self._reported:
                print_line(f"ca: {removed} and can't be locked again: {error.strerror}; training goes on")
            self._reported = True
        else:
            print_line(f"ca: {removed}: {self.folder} is locked again; training goes on")

    def release(self) -> None:
        """Give the folder back."""
        if self._identity is not None and self._lock.is_locked:
            with suppress(OSError):
                if _identity(self.path) == self._identity:
                    (self.folder / HOLDER).unlink()
        self._release()

    def _acquire(self, advice: str) -> None:
        try:
            self._lock.acquire(timeout=0)
            self._identity = _identity(self.path)
        except Timeout as error:
            raise FailedError(f"{self.folder} is in use by {self._holder()}: {advice}") from error
        except (OSError, NotImplementedError) as error:
            if not isinstance(error, NotImplementedError) and error.errno not in WITHOUT_LOCKS:
                raise
            self._identity = None
            print_line(
                f"ca: the file system of {self.folder} has no locks: nothing keeps a second run from "
                "writing into this folder"
            )
            return
        with suppress(OSError):  # it is only for messages
            holder = self.folder / HOLDER
            holder.unlink(missing_ok=True)
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")

    def _release(self) -> None:
        with suppress(OSError):
            self._lock.release(force=True)

    def _holder(self) -> str:
        try:
            content = read_regular(self.folder / HOLDER, at_most=MAX_HOLDER_BYTES)
        except OSError:
            return "another process"
        text = content.decode("utf-8", errors="replace").split("\n")[0].strip()
        return text if text.isprintable() and text else "another process"


def _identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file."""
    found = path.lstat()
    return found.st_dev, found.st_ino


@contextmanager
def locked(folder: Path) -> Generator[FolderLock]:
    """Lock a folder for this process, for the `with` block.

    Raises:
        FailedError: another process has locked it, or files can't be written into it
    """
    prepare_folder(folder)
    try:
        lock = FolderLock(folder)
    except OSError as error:
        raise FailedError(
            f"can't lock {folder / LOCK}: {error.strerror or error}; choose another --output-dir"
        ) from error
    try:
        sweep(folder)
        sweep(folder / "batches")
        yield lock
    finally:
        lock.release()
