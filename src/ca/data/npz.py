"""Data sets that are one NumPy file: x_train, y_train, x_test and y_test."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ca.data.arrays import grey_levels
from ca.data.assemble import (
    assembled,
    class_names,
    refuse_too_large,
    refuse_too_many_bytes,
    refuse_unknown,
    with_bright_ink,
)
from ca.data.digits import Digits
from ca.system.errors import FailedError
from ca.system.reading import check_regular

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
COPIES = 3  # of the arrays that are in memory at a time


def read_npz(path: Path, split: str, *, invert: bool = False) -> Digits:
    """Read the images of one split: `x` (images, height, width), uint8 or floats in [0, 1], and `y` labels.

    Raises:
        FailedError: it is no such file, or arrays are missing or have another shape, type or range
    """
    arrays = _arrays(path)
    labels = {part: _labels(arrays[f"y_{part}"], f"y_{part}", path) for part in ("train", "test")}
    names = class_names(labels["train"], path)
    refuse_unknown(labels["test"], names, path)
    images = arrays[f"x_{split}"]
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    try:
        grey = grey_levels(images)
    except ValueError as error:
        raise FailedError(f"{path}: x_{split}: {error}") from error
    refuse_too_large(*grey.shape[1:], path)
    if len(grey) != len(labels[split]):
        raise FailedError(
            f"{path} has {len(grey)} images in x_{split} and {len(labels[split])} labels in y_{split}"
        )
    return assembled(with_bright_ink(list(grey), path, invert=invert), labels[split], names, path)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    check_regular(path.stat())
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(entry.file_size for entry in file.infolist())
        refuse_too_many_bytes(COPIES * size, path)
        with np.load(path, allow_pickle=False) as found:
            missing = [name for name in ARRAYS if name not in found.files]
            if missing:
                raise FailedError(f"{path} has no {missing[0]}: expected {', '.join(ARRAYS)}")
            arrays = {name: found[name] for name in ARRAYS}
    except (FailedError, OSError):
        raise
    except Exception as error:  # zipfile and NumPy raise errors of many kinds
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise FailedError(f"{path} is damaged, or is no .npz file of plain arrays: {reason}") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise FailedError(f"{path} is damaged: {name} is no array")
    return arrays


def _labels(array: NDArray[Any], name: str, path: Path) -> list[str]:
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.dtype.kind not in "iuUS":
        raise FailedError(
            f"{path}: {name} has shape {array.shape} and type {array.dtype}: give a whole number or a name "
            "for each image"
        )
    try:
        return [each.decode() if isinstance(each, bytes) else str(each) for each in array.tolist()]
    except UnicodeDecodeError as error:
        raise FailedError(f"{path}: {name} has a name that is not UTF-8: {error.object!r}") from error
