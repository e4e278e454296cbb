"""`ca export`: writes the page as one file that opens from disk."""

import errno
import os
import stat
import time
from pathlib import Path

from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import load_digits
from ca.page.build import build_page
from ca.settings.commands import ExportSettings
from ca.system.folders import writing
from ca.system.publish import published

PIPE_LIMIT = 10.0  # seconds to wait for a reader


def export(settings: ExportSettings) -> None:
    """Write the page, and print its path; into a device or a pipe, only the page is written.

    Raises:
        FailedError: checkpoint or data are missing, the automaton has another rule than the page's, or the
            file can't be written
    """
    path = settings.page
    with writing(path):
        if path.is_dir():  # also "." and "/"; said before the work
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    checkpoint = load_checkpoint(settings.checkpoint)
    page = build_page(checkpoint, load_digits(checkpoint.dataset, "test", settings.data_dir))
    with writing(path):
        if _is_special(path):
            _write_into(path, page.encode())
            return
        target = Path(os.path.realpath(path))  # a link stays, and its target is replaced
        target.parent.mkdir(parents=True, exist_ok=True)
        with published(target) as temporary:
            temporary.write_text(page, encoding="utf-8")
    print(path)


def _is_special(path: Path) -> bool:
    """Whether a path is a device, a pipe or an open file of this process, which must not be replaced."""
    if Path(os.path.abspath(path)).parts[1:2] in (("dev",), ("proc",)):
        return path.exists()
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write_into(path: Path, content: bytes) -> None:
    """Write into a special file. A pipe that nobody reads is an error after `PIPE_LIMIT` seconds."""
    deadline = time.monotonic() + PIPE_LIMIT
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with open(descriptor, "wb") as file:
        os.set_blocking(descriptor, True)
        file.write(content)
