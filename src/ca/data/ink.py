"""Distortions of the ink of images: stroke width, blur, contrast, cuts and specks.

Images are (images, height, width) float32 grey values from 0 to 255. Amounts have one value for each image.
"""

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from numpy.random import Generator
from numpy.typing import NDArray

Images = NDArray[np.float32]  # (images, height, width), grey values from 0 to 255
Amounts = NDArray[np.float32]  # (images,)

LEAST_PEAK = 64  # brightest grey value of an image that contrast leaves, a quarter of full ink
SHARPEST = np.float32(1e-3)  # pixels: a Gaussian of this deviation has one value that is not zero
FARTHEST = 12.5  # exponent where a Gaussian ends, at five deviations: subnormal numbers are slow
LEAST_SPECK = 0.3  # darkest speck, as a share of the brightest ink of the image


def change_stroke(images: Images, pixels: Amounts) -> Images:
    """Widen strokes by so many pixels, or narrow them by so many below zero; from -2 to 2.

    The brightest value of a square window, below zero the darkest, is taken for each pixel. A window of two
    pixels adds one to the width, one of three adds two; between these the results are mixed.
    """
    sign = np.where(pixels < 0, np.float32(-1), np.float32(1))[:, None, None]
    added = np.abs(pixels)[:, None, None]
    images = images * sign
    two, three = images.copy(), images.copy()
    for axis in (1, 2):
        here, after = _neighbours(two, axis)
        np.maximum(here, after, out=here)
        three = _widest(three, axis)
    images += np.minimum(added, 1) * (two - images) + np.maximum(added - 1, 0) * (three - two)
    return images * sign


def _neighbours(images: Images, axis: int) -> tuple[Images, Images]:
    """Views of the pixels but the last, and but the first, along an axis."""
    moved = images.swapaxes(0, axis)
    return moved[:-1], moved[1:]


def _widest(images: Images, axis: int) -> Images:
    """The brightest of each pixel and its two neighbours along an axis."""
    result = images.copy()
    before, after = _neighbours(images, axis)
    here, there = _neighbours(result, axis)
    np.maximum(here, after, out=here)
    np.maximum(there, before, out=there)
    return result


def blur(images: Images, deviation: Amounts) -> Images:
    """Blur by a Gaussian of so many pixels, for each image its own; 0 changes nothing."""
    rows, columns = (torch.from_numpy(_gaussian(size, deviation)) for size in images.shape[1:])
    # By PyTorch, because the threads of NumPy's products wait for each other on cores that are busy.
    return (rows @ torch.from_numpy(images) @ columns).numpy()


def _gaussian(size: int, deviation: Amounts) -> NDArray[np.float32]:
    """Symmetric matrices (images, size, size) that blur a column. What is beyond the border counts as 0."""
    place = np.arange(1 - size, size, dtype=np.float32)
    exponent = 0.5 * np.square(place / np.maximum(deviation, SHARPEST)[:, None])
    weights = np.where(exponent < FARTHEST, np.exp(-np.minimum(exponent, FARTHEST)), np.float32(0))
    weights /= weights.sum(1, keepdims=True)
    image, step = weights.strides
    rows = as_strided(weights[:, size - 1 :], (len(weights), size, size), (image, -step, step))
    return rows.copy()


def change_contrast(images: Images, factor: Amounts) -> Images:
    """Multiply the grey values by a factor, at most until the brightest is `LEAST_PEAK`."""
    peak = np.maximum(images.max((1, 2)), LEAST_PEAK)
    return images * np.maximum(factor, LEAST_PEAK / peak)[:, None, None]


def cut(image: NDArray[np.float32], generator: Generator) -> None:
    """Erase from an image (height, width) a straight line of one cell's width, through any cell of ink."""
    inked = np.flatnonzero(image)
    if not len(inked):
        return
    y0, x0 = divmod(int(generator.choice(inked)), image.shape[1])
    angle = np.pi * generator.random()
    y, x = (np.arange(size) for size in image.shape)
    distance = np.abs(np.add.outer((y - y0) * np.cos(angle), (x - x0) * np.sin(angle)))
    image *= np.minimum(distance, 1).astype(np.float32)


def add_speck(image: NDArray[np.float32], generator: Generator) -> None:
    """Ink one cell of an image (height, width)."""
    y, x = (generator.integers(size) for size in image.shape)
    ink = generator.uniform(LEAST_SPECK, 1) * image.max()
    image[y, x] = max(image[y, x], ink)
