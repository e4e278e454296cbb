"""From images of any sizes, with the names of their classes, to a set of digits."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ca.architecture import MAX_CLASSES
from ca.data.arrays import bright_along_border
from ca.data.digits import Digits, some_of
from ca.settings.limits import available_memory
from ca.sizes import MAX_IMAGE_SIDE
from ca.system.errors import FailedError

ORDER_SEED = 0
MAX_NAME = 40  # characters
MOST_DARK = 0.5  # share of the images that may be bright along their borders
SHARE_OF_MEMORY = 0.5  # that the images of a set may take

Grey = NDArray[np.uint8]  # (height, width)


def class_names(found: Iterable[str], where: Path) -> tuple[str, ...]:
    """The names of the classes in their natural order: 9 before 10.

    Raises:
        FailedError: there are fewer than two or too many, or one can't be shown
    """
    names = sorted(set(found), key=_natural)
    if not 2 <= len(names) <= MAX_CLASSES:
        raise FailedError(
            f"{where} has {len(names)} classes ({some_of(names) or 'none'}): 2 to {MAX_CLASSES} are possible"
        )
    for name in names:
        if not name.isprintable() or not 0 < len(name) <= MAX_NAME:
            raise FailedError(
                f"{where} has a class {name[:MAX_NAME]!r}: names are 1 to {MAX_NAME} printable characters"
            )
    return tuple(names)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def refuse_unknown(tested: Iterable[str], names: Sequence[str], where: Path) -> None:
    """Raise FailedError if a class of the test images is not one of the training images."""
    unknown = sorted(set(tested) - set(names), key=_natural)
    if unknown:
        raise FailedError(
            f"{where} has test images of the class {unknown[0]!r} and no training images of it: remove them, "
            "or add some for training"
        )


def with_bright_ink(images: Sequence[Grey], where: Path, *, invert: bool) -> Sequence[Grey]:
    """The images, or their negatives.

    Args:
        invert: the images have dark ink on white paper

    Raises:
        FailedError: most of them would be bright along their borders, where there should be no ink
    """
    images = [255 - image for image in images] if invert else images
    dark = sum(bool(bright_along_border(image[None])) for image in images)
    if dark > MOST_DARK * len(images):
        advice = "leave out --invert" if invert else "give --invert if their ink is dark on white paper"
        raise FailedError(
            f"{dark:,} of {len(images):,} images of {where} are bright along their borders, where there "
            f"should be no ink: {advice}"
        )
    return images


def assembled(
    images: Sequence[Grey],
    labels: Sequence[str],
    names: tuple[str, ...],
    where: Path,
    *,
    shuffled: bool = True,
) -> Digits:
    """A set of digits.

    Images of different sizes get empty margins: all are as large as the largest sides.

    Args:
        shuffled: in random order, always the same, because files are often sorted by class

    Raises:
        FailedError: there is no image, or they would take too much memory
    """
    if not len(images):
        raise FailedError(f"{where} has no images")
    sizes = np.array([image.shape for image in images])
    height, width = sizes.max(0).tolist()
    refuse_too_many(len(images), height, width, where)
    if (sizes == sizes[0]).all():
        padded = np.stack(images)
    else:
        padded = np.zeros((len(images), height, width), dtype=np.uint8)
        for to, image in zip(padded, images, strict=True):
            top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
            to[top : top + image.shape[0], left : left + image.shape[1]] = image
    number = {name: index for index, name in enumerate(names)}
    classes = torch.tensor([number[label] for label in labels], dtype=torch.int64)
    digits = Digits(torch.from_numpy(np.ascontiguousarray(padded)), classes, names)
    if not shuffled:
        return digits
    return digits[torch.from_numpy(np.random.default_rng(ORDER_SEED).permutation(len(images)))]


def refuse_too_large(height: int, width: int, where: object) -> None:
    """Raise FailedError if an image is larger than an automaton can be trained on."""
    if max(height, width) > MAX_IMAGE_SIDE or min(height, width) < 1:
        raise FailedError(
            f"{where} has {height}x{width} pixels, the most is {MAX_IMAGE_SIDE}x{MAX_IMAGE_SIDE}: make it "
            "smaller"
        )


def refuse_too_many(number: int, height: int, width: int, where: Path) -> None:
    """Raise FailedError if so many images need more memory than there is for them."""
    needed, available = number * height * width, SHARE_OF_MEMORY * available_memory()
    if needed > available:
        raise FailedError(
            f"{where} has {number:,} images of up to {height}x{width} pixels, which need "
            f"{needed / 1e9:,.1f} GB; there are {available / 1e9:,.1f} for them: give fewer or smaller images"
        )


def refuse_too_many_bytes(size: int, path: Path) -> None:
    """Raise FailedError if reading a file takes more bytes than there is memory for."""
    if size > SHARE_OF_MEMORY * available_memory():
        raise FailedError(f"{path} takes {size / 1e9:,.0f} GB to read, more than half of the memory")
