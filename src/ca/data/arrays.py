"""Images and labels that callers bring as arrays: checked, then converted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.architecture import MAX_CLASSES, Architecture
from ca.data.digits import Digits
from ca.sizes import NUM_CLASSES

Images = NDArray[Any] | Tensor
Labels = NDArray[Any] | Tensor

ROUNDING = 1e-6  # resampled images leave [0, 1] by so much
# Share of an image's border that may be alive: at most 0.72 of it is in MNIST and Fashion-MNIST, and at least
# 0.79 in their negatives.
MAX_BORDER = 0.75


def liveness_of(images: Images, threshold: float = Architecture.alive_threshold) -> Tensor:
    """Grey values of images, if every one is a picture of bright ink on a dark background.

    Args:
        images: (batch, height, width) or one (height, width), floats in [0, 1] or uint8 from 0 to 255
        threshold: grey value above which a cell is alive

    Returns:
        (batch, height, width) float32 in [0, 1], on the CPU

    Raises:
        ValueError: shape, type, range or polarity of the images is another; the message says what to do
    """
    array = _as_numpy(images)
    array = array[None] if array.ndim == 2 else array
    _check_values(array)
    grey = array.astype(np.float32)
    grey = grey / 255 if array.dtype == np.uint8 else grey.clip(0, 1)
    _check_ink(grey, threshold)
    return torch.from_numpy(grey)


def grey_levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Images (images, height, width), uint8 or floats in [0, 1], as grey levels from 0 to 255.

    Raises:
        ValueError: shape, type or range is another; the message says what to do
    """
    _check_values(array)
    return array if array.dtype == np.uint8 else (array.clip(0, 1) * 255).round().astype(np.uint8)


def make_digits(images: Images, labels: Labels, names: Sequence[str] | None = None) -> Digits:
    """Make a set of digits from arrays, to train or measure an automaton on.

    Args:
        images: (digits, height, width), floats in [0, 1] or uint8 from 0 to 255; 0 is background, the largest
            value full ink. Floats are rounded to 256 grey values.
        labels: (digits,) integers, classes from 0 on
        names: of 2 to 64 classes; None: their numbers, those of the ten digits at least

    Raises:
        ValueError: images or labels have another shape, type or range, or the images are dark on bright; the
            message says what to do

    Example:
        >>> import ca, numpy as np
        >>> images = np.zeros((2, 28, 28))
        >>> images[:, 4:24, 14] = 1.0  # two vertical strokes
        >>> digits = ca.make_digits(images, labels=np.array([1, 1]))
        >>> len(digits)
        2
    """
    liveness, classes = liveness_of(images), _as_numpy(labels)
    if classes.shape != liveness.shape[:1] or classes.dtype.kind not in "iu":
        raise ValueError(
            f"labels have shape {classes.shape} and type {classes.dtype}: give {len(liveness)} integers, one "
            "for each image"
        )
    if names is None:
        names = [str(number) for number in range(max(NUM_CLASSES, min(MAX_CLASSES, int(classes.max()) + 1)))]
    if not 2 <= len(names) <= MAX_CLASSES:
        raise ValueError(f"there are {len(names)} names: give 2 to {MAX_CLASSES}")
    if classes.min() < 0 or classes.max() >= len(names):
        raise ValueError(
            f"labels are from {classes.min()} to {classes.max()}: give classes from 0 to {len(names) - 1}"
        )
    levels = (liveness * 255).round().byte()
    return Digits(levels, torch.from_numpy(classes.astype(np.int64)), tuple(names))


def _as_numpy(values: NDArray[Any] | Tensor) -> NDArray[Any]:
    if isinstance(values, (str, Path)):
        raise ValueError(
            f"{str(values)!r} is a path: read it first, for instance by np.asarray(Image.open(path))"
        )
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _check_values(array: NDArray[Any]) -> None:
    _check_shape(array)
    if array.dtype != np.uint8:
        _check_floats(array)
    elif array.max() == 1:
        raise ValueError("images are uint8 from 0 to 1, not from 0 to 255: multiply by 255")


def _check_shape(array: NDArray[Any]) -> None:
    shape = array.shape
    if array.ndim > 2 and shape[-1] in (3, 4):
        advice = "these are colours: convert to grey values, for instance images[..., :3].mean(-1)"
    elif array.ndim > 2 and shape[-1] == 1:
        advice = "remove the last dimension: images[..., 0]"
    elif array.ndim == 4 and shape[1] in (1, 3):
        advice = "convert the channels to one grey value: images.mean(1)"
    elif array.ndim != 3:
        advice = "give (batch, height, width), or (height, width) for one image"
    elif array.size == 0:
        advice = "there is nothing to classify: give at least one image"
    else:
        return
    raise ValueError(f"images have shape {shape}: {advice}")


def _check_floats(array: NDArray[Any]) -> None:
    if array.dtype.kind != "f":
        kind = "float" if array.dtype.kind == "b" else "np.uint8"
        raise ValueError(
            f"images have type {array.dtype}: give floats in [0, 1] or uint8 from 0 to 255, for instance "
            f"images.astype({kind})"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{_first(~np.isfinite(array))} has values that are NaN or infinite: replace them")
    least, most = array.min(), array.max()
    if least < -ROUNDING or most > 1 + ROUNDING:
        if least >= 0 and 2 <= most <= 255:
            advice = "divide by 255"
        else:
            advice = "undo their normalisation, or limit them with images.clip(0, 1)"
        raise ValueError(f"images are floats from {least:.3g} to {most:.3g}, not in [0, 1]: {advice}")


def _check_ink(grey: NDArray[np.float32], threshold: float) -> None:
    living = grey > threshold
    blank = living.reshape(len(grey), -1).sum(1) == 0
    if blank.any():
        raise ValueError(
            f"{_first(blank)} has no alive cell: no value is above {threshold} of full ink; leave the "
            "image out"
        )
    inverted = bright_along_border(grey)
    if inverted.any():
        raise ValueError(
            f"{_first(inverted)} is bright along its border: ink must be bright on a dark background; use "
            "1 - images (255 - images if uint8), or leave an empty margin around the digit"
        )


def bright_along_border(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether most of the border of each image (images, height, width), grey levels or [0, 1], is bright."""
    bright = Architecture.alive_threshold * (255 if images.dtype == np.uint8 else 1)
    border = np.ones(images.shape[1:], dtype=bool)
    border[1:-1, 1:-1] = False
    return (images[:, border] > bright).mean(1) > MAX_BORDER


def _first(wrong: NDArray[np.bool_]) -> str:
    """The first image with anything wrong: (batch, ...) -> its name in an error."""
    return f"images[{wrong.reshape(len(wrong), -1).any(1).argmax()}]"
