"""Digits written with a pen, in the many ways and sizes in which people draw them on the page."""

import numpy as np
from numpy.typing import NDArray

from ca.data.brush import draw_boards
from ca.data.forms import FORMS
from ca.data.hand import Hand
from ca.sizes import BOARD_SIDE, NUM_CLASSES

HEIGHTS = (8.0, 52.0)  # of the path of the pen, in cells; each size is as likely as its double
WIDTHS = (1.0, 5.0)  # of the brush, in cells
MOST_OF_HEIGHT = 0.28  # the widest brush as a share of the path's height and width: loops stay open
MOST_OF_WIDTH = 0.45
MARGIN = 0.5  # cells beyond the rim of the brush where there is still a little ink
TOGETHER = 256  # digits computed at a time, for a small memory


def write_digits(
    number: int, generator: np.random.Generator | int, side: int = BOARD_SIDE
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Write digits of random classes, forms, hands, sizes, brushes and places.

    Args:
        number: of digits
        generator: of random numbers, or a seed of one
        side: cells along each board

    Returns:
        (number, side, side) grey levels, 255 is full ink, and (number,) classes

    Raises:
        ValueError: the board is too small
    """
    highest = min(HEIGHTS[1], side - WIDTHS[1] - 2 * MARGIN)
    if highest < HEIGHTS[0]:
        least = HEIGHTS[0] + WIDTHS[1] + 2 * MARGIN
        raise ValueError(f"a board of {side} cells is too small for digits: give at least {least:.0f}")
    generator = np.random.default_rng(generator)
    images = np.zeros((number, side, side), dtype=np.uint8)
    labels = np.zeros(number, dtype=np.int64)
    for start in range(0, number, TOGETHER):
        some = slice(start, start + TOGETHER)
        images[some], labels[some] = _write(len(labels[some]), generator, side, highest)
    return images, labels


def _write(
    number: int, generator: np.random.Generator, side: int, highest: float
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    chosen = generator.choice(len(FORMS), number, p=SHARES)
    labels = LABELS[chosen]
    places, strokes, digits = Hand().write([FORMS[form] for form in chosen], generator)
    starts = np.flatnonzero(np.diff(digits, prepend=-1))
    corner = np.minimum.reduceat(places, starts)
    extent = np.maximum.reduceat(places, starts) - corner
    heights = np.exp(generator.uniform(*np.log([HEIGHTS[0], highest]), number))
    widest = side - WIDTHS[1] - 2 * MARGIN
    scale = np.minimum(heights / extent[:, 1], widest / extent[:, 0])[:, None]
    diameters = brush_diameters(extent * scale, labels, generator)
    rim = diameters[:, None] / 2 + MARGIN
    corner_on_board = rim + generator.random((number, 2)) * (side - 2 * rim - extent * scale)
    places = (places - corner[digits]) * scale[digits] + corner_on_board[digits]
    return draw_boards(places, strokes, digits, diameters, side), labels


def brush_diameters(
    extent: NDArray[np.float64], labels: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw brushes that leave digits readable, for the sizes of their paths.

    Args:
        extent: (digits, 2) widths and heights of the paths, in cells
        labels: (digits,) their classes
        generator: of random numbers

    Returns:
        (digits,) diameters in cells; half the widest is as likely as the widest
    """
    of_width = np.where(labels == 1, np.inf, MOST_OF_WIDTH * extent[:, 0])  # a 1 has no loops
    widest = np.minimum(MOST_OF_HEIGHT * extent[:, 1], of_width).clip(*WIDTHS)
    return WIDTHS[0] * (widest / WIDTHS[0]) ** generator.random(len(labels))


LABELS = np.array([form.label for form in FORMS])
_WEIGHTS = np.array([form.weight for form in FORMS])
SHARES = _WEIGHTS / np.bincount(LABELS, _WEIGHTS)[LABELS] / NUM_CLASSES
