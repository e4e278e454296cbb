"""From an image to the digits on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ca.photo.digits import Found, find_digits
from ca.photo.ink import find_ink, threshold
from ca.photo.mnist import like_mnist
from ca.photo.ruling import without_ruling
from ca.system.errors import FailedError


@dataclass(frozen=True)
class Page:
    """The digits of an image in reading order.

    Attributes:
        found: where each digit is
        images: (digits, 28, 28) uint8, each digit like those of MNIST
    """

    found: list[Found]
    images: NDArray[np.uint8]


def read_page(image: Image.Image) -> Page:
    """Find the digits of an RGB image.

    Raises:
        FailedError: there are none, or too many dark spots for a page of digits
    """
    grey = np.asarray(image.convert("L")).astype(np.float32)
    ink = find_ink(grey / 255)
    least = threshold(ink)
    if least is not None:
        ink = without_ruling(ink, least / 2)
        least = threshold(ink)
    found = [] if least is None else find_digits(ink > least)
    if least is None or not found:
        raise FailedError("no digits found: there must be ink that differs from the paper")
    return Page(found, np.array([like_mnist(ink, least, digit) for digit in found]))
