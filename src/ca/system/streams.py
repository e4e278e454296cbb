"""The standard streams as a command finds them: closed, full, or of an encoding that lacks letters."""

import contextlib
import io
import os
import sys
from typing import TextIO

STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}  # in the order of their descriptors


def open_missing_streams() -> None:
    """Open the streams that the caller has closed on the null device.

    Otherwise the next file that is opened would take a stream's descriptor, and receive what is printed.
    """
    for descriptor, (name, mode) in enumerate(STREAMS.items()):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def print_any_letter() -> None:
    """Let stdout print every text: bytes in file names that are not UTF-8, and letters that it lacks."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        utf8 = stream.encoding.lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def finish(stream: TextIO) -> None:
    """Print what is still to be printed; if that fails, discard it, so that it does not fail at the end."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_error(line: str) -> None:
    """Print a line to stderr, if it can be printed."""
    with contextlib.suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr)
    finish(sys.stderr)


def printable(text: str) -> str:
    """A text on one line, without what would act on a terminal; bytes of file names stay."""
    return "".join(
        letter
        if letter.isprintable() or "\udc80" <= letter <= "\udcff"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )
