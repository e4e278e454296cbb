"""Messages and progress bars on stderr."""

import os
import sys
from typing import Any

from tqdm.auto import tqdm

from ca.system.streams import printable

IN_NOTEBOOK = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)


def print_line(line: str) -> None:
    """Print a line to stderr, above the progress bar. If that fails, work continues."""
    try:
        tqdm.write(printable(line), file=sys.stderr)
    except BrokenPipeError:  # the reader has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    except OSError:  # for example a file on a full disk
        pass


def shows_bars() -> bool:
    """Whether progress bars can be shown: in a terminal or a notebook."""
    return IN_NOTEBOOK or sys.stderr.isatty()


def progress_bar(**options: Any) -> tqdm:
    """A progress bar with tqdm's options, which is shown in a terminal or a notebook only."""
    return tqdm(disable=not shows_bars(), **options)
