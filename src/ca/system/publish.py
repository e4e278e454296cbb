"""Atomic writing: a file or folder appears under its name when it is complete, or not at all."""

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
    """A temporary path for a file or a folder, which is renamed to `path` at the end of the `with` block.

    It is synced to the disk before, and an older file or folder of that name is removed only afterwards. If
    the block fails, the temporary file or folder is removed; after a killed process, `sweep` removes it.

    Raises:
        OSError: it could not be written or renamed
    """
    temporary = path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")
    _remove(temporary)  # a killed process of the same number may have left it
    try:
        yield temporary
        _sync(temporary)
        _rename(temporary, path)
        _sync_one(path.parent)
    finally:
        _remove(temporary)


def publish_json(path: Path, content: Any) -> None:
    """Write a JSON file.

    Raises:
        OSError: it could not be written
        ValueError: a number is infinite or NaN, which JSON does not have
    """
    with published(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder. No other process may be writing into it."""
    for left in list(folder.iterdir()) if folder.is_dir() else []:
        match = re.fullmatch(r"\.(.+)\.(tmp|old)-\d+(\.\w+)?", left.name)
        if match is None:
            continue
        whole = folder / f"{match[1]}{match[3] or ''}"
        if (
            match[2] == "old" and not whole.exists()
        ):  # the process was killed between the two renames of `_rename`
            left.rename(whole)
        else:
            _remove(left)


def _rename(temporary: Path, path: Path) -> None:
    """Rename, in place of an older file or folder. An older folder is renamed first and removed at the end.

    Raises:
        OSError: a file would replace a folder, for example
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
    """Sync a file, or a folder and the files in it."""
    for inner in path.iterdir() if path.is_dir() else ():
        _sync_one(inner)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # folders cannot be opened on Windows
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
