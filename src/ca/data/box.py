"""MNIST's form of a digit: its longer side is 20 pixels, its centre of mass is in the middle of 28x28.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ca.sizes import IMAGE_SIDE

BOX = 20  # pixels along the longer side of a digit


def cropped(image: NDArray[Any]) -> NDArray[Any]:
    """The part of an image (height, width) from the first to the last row and column with ink."""
    rows, columns = (np.flatnonzero(image.max(axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def size_in_box(height: int, width: int) -> tuple[int, int]:
    """Height and width of a digit whose longer side is made `BOX` pixels long."""
    scale = BOX / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def centred(image: NDArray[Any]) -> NDArray[Any]:
    """Put the centre of mass of an image (height, width), at most 28x28, into the middle of (28, 28)."""
    y, x = ndimage.center_of_mass(image)
    board = np.zeros((2 * IMAGE_SIDE, 2 * IMAGE_SIDE), dtype=image.dtype)
    top, left = round(IMAGE_SIDE - 0.5 - y), round(IMAGE_SIDE - 0.5 - x)
    board[top : top + image.shape[0], left : left + image.shape[1]] = image
    quarter = IMAGE_SIDE // 2
    return board[quarter:-quarter, quarter:-quarter]
