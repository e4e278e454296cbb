"""Atomic writing: a file or folder appears under its name when it is complete, or not at all.

New content is written in a folder `.ca-tmp-...` beside its target, and an older folder is moved into a
folder `.ca-old-...` while a new one takes its place. Both have a marker inside. After a killed process
`sweep` removes them; it touches nothing without that marker.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

MARKER = ".made-by-ca"
_locks: dict[Path, FileLock] = {}  # of the marked folders of this process
NO_SYNC = {  # a file system that does not sync folders, or a folder that must not be read
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
}


@contextmanager
def published(path: Path) -> Generator[Path]:
    """A temporary path for a file or a folder, which is renamed to `path` at the end of the `with` block.

    If `path` is a link, it stays, and what it leads to is replaced.
    The content is synced to the disk before, and an older file or folder of that name is removed only
    afterwards. If the block fails, the temporary file or folder is removed; after a killed process, `sweep`
    removes it.

    Raises:
        OSError: it could not be written or renamed
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    with staging(path.parent) as folder:
        temporary = folder / path.name
        yield temporary
        _sync_all(temporary)
        _rename(temporary, path)
        sync(path.parent)


def publish_json(path: Path, content: Any) -> None:
    """Write a JSON file.

    Raises:
        OSError: it could not be written
        ValueError: a number is infinite or NaN, which JSON does not have
    """
    with published(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def staging(parent: Path) -> Generator[Path]:
    """A temporary folder inside another one, which is removed at the end of the `with` block.

    Raises:
        OSError: it could not be created
    """
    folder = _marked_folder("tmp", parent)
    try:
        yield folder
    finally:
        _clear(folder)


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder, as far as possible.

    What another process is still writing has a locked marker, and stays. A folder that was moved away just
    before a kill is moved back.
    """
    try:
        found = [left for left in folder.iterdir() if re.fullmatch(r"\.ca-(tmp|old)-[a-z0-9_]{8}", left.name)]
    except OSError:  # absent, or it must not be read
        return
    for left in found:
        with contextlib.suppress(OSError, Timeout, NotImplementedError):  # in use, or without locks
            if left.is_symlink() or not left.is_dir():
                continue
            if not (left / MARKER).is_file():
                left.rmdir()  # killed before the marker was written; fails if anything is in it
                continue
            with FileLock(left / MARKER, timeout=0, fallback_to_soft=False):
                pass
            if left.name.startswith(".ca-old-"):  # killed between the two renames of `_rename`
                for moved in left.iterdir():
                    if moved.name != MARKER and not os.path.lexists(folder / moved.name):
                        moved.rename(folder / moved.name)
            _clear(left)


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to the disk. Not every system can sync folders.

    Raises:
        OSError: the disk is full or fails
    """
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return  # folders cannot be opened on Windows
    try:
        # Windows syncs files through descriptors for writing only.
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not is_folder or error.errno not in NO_SYNC:
            raise


def _sync_all(path: Path) -> None:
    """Sync a file, or a folder and the files in it."""
    for inner in path.iterdir() if path.is_dir() else ():
        sync(inner)
    sync(path)


def _rename(temporary: Path, path: Path) -> None:
    """Rename, in place of an older file or folder. An older folder is moved away first, then removed.

    Raises:
        OSError: a file would replace a folder, for example
    """
    if not (path.is_dir() and temporary.is_dir()):
        temporary.replace(path)
        return
    aside = _marked_folder("old", path.parent)
    try:
        path.rename(aside / path.name)
        try:
            temporary.rename(path)
        except BaseException:
            (aside / path.name).rename(path)
            raise
    except BaseException:
        if not os.path.lexists(aside / path.name):  # else it could not be moved back: `sweep` will
            _clear(aside)
        raise
    _clear(aside)


def _marked_folder(kind: str, parent: Path) -> Path:
    """Create a folder with a locked marker inside. Its name is short whatever the target's name is."""
    folder = Path(tempfile.mkdtemp(prefix=f".ca-{kind}-", dir=parent))
    try:
        os.close(os.open(folder / MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        lock = FileLock(folder / MARKER, fallback_to_soft=False)
        with contextlib.suppress(OSError, NotImplementedError):  # a file system without locks
            lock.acquire(timeout=0)
            _locks[folder] = lock
    except BaseException:
        _clear(folder)
        raise
    return folder


def _clear(folder: Path) -> None:
    """Remove a marked folder as far as possible, the marker last: a kill leaves it for `sweep`."""
    if folder in _locks:
        _locks.pop(folder).release(force=True)
    with contextlib.suppress(OSError):
        for inner in list(folder.iterdir()):
            if inner.name != MARKER:
                if inner.is_dir() and not inner.is_symlink():
                    shutil.rmtree(inner, ignore_errors=True)
                else:
                    inner.unlink(missing_ok=True)
        if [inner.name for inner in folder.iterdir()] == [MARKER]:
            (folder / MARKER).unlink()
        folder.rmdir()
