"""What is told while work goes on: lines on stderr."""

import os
import sys

from tqdm import tqdm


def print_line(line: str) -> None:
    """Write a line to stderr, above the progress bar; if that can't be done, work goes on all the same."""
    try:
        tqdm.write(line, file=sys.stderr)
    except BrokenPipeError:  # nobody reads there any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    except OSError:  # it goes into a file, and the disk is full
        pass
