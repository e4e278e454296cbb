"""Figures are extras: one that can't be drawn must not end the work that it shows."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ca.system.errors import FailedError


@contextmanager
def drawing(path: Path) -> Generator[None]:
    """Report in one line whatever the `with` block raises. An OSError, as of a full disk, stays what it is.

    Matplotlib is imported inside the block, because its import fails for some `matplotlibrc` files.

    Raises:
        FailedError: in place of every other exception but an interrupt
        OSError: the file could not be written
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise FailedError(f"can't draw {path}: {reason or type(error).__name__}") from error
