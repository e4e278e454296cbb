"""`ca export`: writes the page as one file that opens from disk, or an ONNX model."""

import errno
import os
import select
import stat
import time
from pathlib import Path

from ca.checkpoint.folder import BUNDLED_DRAWN, load_checkpoint
from ca.page.build import build_page
from ca.settings.commands import ExportSettings
from ca.system.folders import writing
from ca.system.packages import refuse_missing
from ca.system.publish import published

PIPE_LIMIT = 10.0  # seconds to wait for a reader
STALL_LIMIT = 120.0  # seconds to wait for one that has stopped
MAX_LINKS = 40  # as Linux


def export(settings: ExportSettings) -> None:
    """Write a page or a model, and print its path; into a device or a pipe, only the content is written.

    Raises:
        FailedError: checkpoint or data are missing, the automaton has another rule than the page's or the
            model's, or the file can't be written
        UsageError: onnx is not installed
    """
    path = settings.file
    with writing(path):
        if path.is_dir():  # also "." and "/"; said before the work
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    is_model = path.suffix == ".onnx"
    if is_model:
        refuse_missing("onnx", str(path))
    checkpoint = load_checkpoint(settings.checkpoint, bundled=BUNDLED_DRAWN)
    if is_model:
        from ca.checkpoint.onnx_model import onnx_model

        content = onnx_model(checkpoint.automaton, checkpoint.config.classes)
    else:
        digits = checkpoint.load_test_digits(settings.data_dir)
        content = build_page(checkpoint, digits).encode()
    with writing(path):
        descriptor = _own_descriptor(path)
        if descriptor is not None:  # opening it anew would begin at the start of the file behind it
            with open(os.dup(descriptor), "wb") as file:
                file.write(content)
            return
        if _is_special(path):
            _write_into(path, content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with published(path) as temporary:
            temporary.write_bytes(content)
    print(path)


def _own_descriptor(path: Path) -> int | None:
    """The open file of this process that a path like /dev/stdout names, also through links."""
    for _ in range(MAX_LINKS):
        folder, name = os.path.split(os.path.abspath(path))
        if name.isdecimal() and os.path.realpath(folder) == os.path.realpath("/dev/fd"):
            return int(name)
        if not path.is_symlink():
            return None
        path = Path(folder, os.readlink(path))
    return None


def _is_special(path: Path) -> bool:
    """Whether a path is a device or a pipe, which must not be replaced."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write_into(path: Path, content: bytes) -> None:
    """Write into a device or a pipe.

    Raises:
        OSError: nobody reads the pipe, or nobody reads on
    """
    deadline = time.monotonic() + PIPE_LIMIT
    flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    while True:
        try:
            descriptor = os.open(path, flags)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with open(descriptor, "wb", buffering=0) as file:
        left = memoryview(content)
        while len(left):
            if hasattr(os, "O_NONBLOCK") and not select.select([], [file], [], STALL_LIMIT)[1]:
                raise TimeoutError(errno.ETIMEDOUT, f"nobody read on for {STALL_LIMIT:g} seconds")
            left = left[file.write(left) or 0 :]
