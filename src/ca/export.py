"""`ca export`: the page as one file that opens from disk."""

import os
from contextlib import suppress

from ca.checkpoint import load_checkpoint
from ca.digits import load_digits
from ca.errors import FailedError
from ca.page_build import build_page
from ca.settings import ExportSettings


def export(settings: ExportSettings) -> None:
    """Write the page, and print its path.

    Raises:
        FailedError: checkpoint or data are not there, or the file can't be written
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    digits = load_digits(checkpoint.dataset, "test", settings.data_dir)
    path = settings.page
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(build_page(checkpoint, digits), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise FailedError(f"can't write {path}: {error.strerror}") from error
    print(path)
