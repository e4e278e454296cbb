"""Bringing a digit of a photograph to the size, place, stroke and grey values of MNIST."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize
from skimage.transform import resize, resize_local_mean

from ca.data.box import BOX, centred, cropped, size_in_box
from ca.photo.digits import Found
from ca.photo.ink import Ink, Mask, stroke_width

FINE = 8  # pixels of the digit in which a stroke is changed, along a pixel of the result
STROKES = (2.2, 3.2)  # pixels: half of MNIST's digits have a stroke of a width between


def like_mnist(ink: Ink, level: float, digit: Found) -> NDArray[np.uint8]:
    """The image of a digit: its box is 20 pixels long, its centre of mass in the middle.

    A stroke that is thinner or thicker than most of MNIST's is widened or narrowed.

    Args:
        ink: of the whole page
        level: above which a pixel is ink

    Returns:
        (28, 28) uint8, 255 is full ink
    """
    mask = _enlarged(ink, level, digit)
    width = stroke_width(mask) / FINE
    wanted = float(np.clip(width, *STROKES))
    mask = _with_stroke(mask, (wanted - width) * BOX / (BOX - wanted))  # the box grows with the stroke
    mask = cropped(mask)
    small = resize_local_mean(mask.astype(np.float64), size_in_box(*mask.shape))
    return (centred(small / small.max()) * 255).round().astype(np.uint8)


def _enlarged(ink: Ink, level: float, digit: Found) -> Mask:
    """The mask of a digit, its longer side FINE * BOX pixels long, with a margin."""
    rows = slice(digit.top, digit.top + digit.height)
    columns = slice(digit.left, digit.left + digit.width)
    near = ndimage.binary_dilation(digit.mask)
    shade = np.pad((ink[rows, columns] / level).clip(0, 2) * near, 1)
    scale = FINE * BOX / max(digit.height, digit.width)
    size = [round(side * scale) for side in shade.shape]
    large = resize(shade, size, order=1, anti_aliasing=scale < 1)
    mask = ndimage.gaussian_filter(large, FINE / 4) > 1
    return np.pad(mask if mask.any() else large > 0, FINE * 2)


def _with_stroke(mask: Mask, change: float) -> Mask:
    """Widen (or narrow) the strokes of a mask by so many pixels of the result; none is broken."""
    half = change * FINE / 2
    if half >= 0:
        return ndimage.distance_transform_edt(~mask) <= half
    return (ndimage.distance_transform_edt(mask) > -half) | ndimage.binary_dilation(
        skeletonize(mask), iterations=FINE // 2
    )
