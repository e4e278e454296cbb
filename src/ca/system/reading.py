"""Reading files that may be anything: only regular files, and never more than a given number of bytes.

Opening a FIFO waits for a writer, and a device or a sparse file may have no end.
"""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, *, at_most: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger than `at_most` bytes (`errno.EFBIG`)
    """
    check_regular(os.stat(path), at_most)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        check_regular(os.fstat(descriptor), at_most)  # another file may have taken its place
        content = file.read(at_most + 1)
    if len(content) > at_most:  # it has grown
        raise _too_large(at_most)
    return content


def check_regular(status: os.stat_result, at_most: int | None = None) -> None:
    """Check what `os.stat` found.

    Raises:
        OSError: not a regular file, or larger than `at_most` bytes (`errno.EFBIG`)
    """
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if at_most is not None and status.st_size > at_most:
        raise _too_large(at_most)


def _too_large(at_most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {at_most} bytes")
