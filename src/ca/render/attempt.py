"""Figures are extras: one that can't be drawn must not end the work that it shows."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from ca.system.errors import FailedError
from ca.system.reading import check_regular

MAX_SETTINGS_BYTES = 10_000_000


@contextmanager
def drawing(path: Path) -> Generator[None]:
    """Report in one line whatever the `with` block raises. An OSError, as of a full disk, stays what it is.

    Matplotlib is imported inside the block, because its import fails for some `matplotlibrc` files.

    Raises:
        FailedError: in place of every other exception but an interrupt
        OSError: the file could not be written
    """
    for path_of_settings in _settings_files():
        try:
            check_regular(path_of_settings.stat(), MAX_SETTINGS_BYTES)
        except IsADirectoryError:  # Matplotlib passes over folders
            pass
        except OSError as error:  # it would wait for a pipe
            raise FailedError(f"can't draw {path}: {path_of_settings}: {error.strerror}") from error
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise FailedError(f"can't draw {path}: {reason or type(error).__name__}") from error


def _settings_files() -> list[Path]:
    """The files that Matplotlib reads when it is imported, if they exist."""
    given, config = os.environ.get("MATPLOTLIBRC"), os.environ.get("MPLCONFIGDIR")
    files = [Path("matplotlibrc")]
    files += [Path(given), Path(given, "matplotlibrc")] if given else []
    folders = [Path(config)] if config else []
    with suppress(RuntimeError):  # no home
        home = Path.home()
        folders += [home / ".matplotlib"]
        for variable, usual in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
            folders.append(Path(os.environ.get(variable) or home / usual, "matplotlib"))
    for folder in folders:
        files += [folder / "matplotlibrc", *folder.glob("fontlist-*.json")]
    return [file for file in files if file.exists()]
