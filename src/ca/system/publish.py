"""Publication: what is written appears under its name whole, or not at all, whatever happens meanwhile."""

import json
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def published(path: Path) -> Generator[Path]:
    """A path beside `path` to write a file or a folder at; it gets its name when the `with` block ends.

    It is synced before, and what had the name goes only when the new one is whole. If anything fails, nothing
    is left of it; what a killed process leaves is for `sweep`.

    Raises:
        OSError: it could not be written or renamed
    """
    temporary = path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")
    _remove(temporary)  # left by a killed process of the same number
    try:
        yield temporary
        _sync(temporary)
        _rename(temporary, path)
        _sync_one(path.parent)
    finally:
        _remove(temporary)


def publish_json(path: Path, found: Any) -> None:
    """Write a JSON file.

    Raises:
        OSError: it could not be written
        ValueError: it has numbers that JSON has not
    """
    with published(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def sweep(folder: Path) -> None:
    """Clear away what killed processes left in a folder that no other process writes in."""
    for left in list(folder.iterdir()) if folder.is_dir() else []:
        match = re.fullmatch(r"\.(.+)\.(tmp|old)-\d+(\.\w+)?", left.name)
        if match is None:
            continue
        whole = folder / f"{match[1]}{match[3] or ''}"
        if match[2] == "old" and not whole.exists():  # killed between the two renames
            left.rename(whole)
        else:
            _remove(left)


def _rename(temporary: Path, path: Path) -> None:
    """Rename, over what has the name: a file goes at once; a folder stands aside until that is done.

    A file never takes a folder's place: that is an OSError.
    """
    if not (path.is_dir() and temporary.is_dir()):
        temporary.replace(path)
        return
    aside = path.with_name(f".{path.stem}.old-{os.getpid()}{path.suffix}")
    _remove(aside)
    path.rename(aside)
    try:
        temporary.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    _remove(aside)


def _sync(path: Path) -> None:
    """Sync a file, or a folder with the files in it."""
    for inner in path.iterdir() if path.is_dir() else ():
        _sync_one(inner)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows can't open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
