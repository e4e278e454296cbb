"""Where the pictures and videos of images are written: one file, or a folder with one for each image."""

import errno
import os
from pathlib import Path

from ca.system.errors import UsageError
from ca.system.folders import writing


def output_paths(
    flag: str, target: Path | None, images: tuple[Path, ...], suffixes: tuple[str, ...]
) -> list[Path | None]:
    """The path that is written for each image; None without a target.

    Args:
        flag: that named the target
        suffixes: of files; the first is that of files in a folder

    Raises:
        UsageError: one file for several images, several images for one file, another suffix, or an image
            would be replaced
        FailedError: a file can't be written
    """
    if target is None:
        return [None] * len(images)
    if target.suffix.lower() in suffixes and not target.is_dir():
        if len(images) > 1:
            raise UsageError(f"{flag} {target} is one file for {len(images)} images: name a folder")
        paths = [target]
    elif target.suffix and not target.is_dir():
        raise UsageError(f"{flag} {target} must end in {' or '.join(suffixes)}, or be a folder")
    else:
        paths = [target / f"{image.name}{suffixes[0]}" for image in images]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise UsageError(f"{flag} {target}: two images would have the file {path}; rename one")
        if any(os.path.realpath(path) == os.path.realpath(image) for image in images):
            raise UsageError(f"{flag} {target} would replace the image {path}: choose another name")
        with writing(path):  # said before the work
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            path.parent.mkdir(parents=True, exist_ok=True)
    return list(paths)
