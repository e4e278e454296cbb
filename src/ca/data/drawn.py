"""Drawn digits: those that automata are checked on, and never trained on.

A way of drawing (`ca.data.drawn_forms`), a hand (`ca.data.drawn_hand`), and the page's brush.
"""

import numpy as np
from numpy.typing import NDArray

from ca.data.brush import draw
from ca.data.drawn_forms import WAYS, Way
from ca.data.drawn_hand import Hand, outline
from ca.sizes import BOARD_SIDE, NUM_CLASSES

MIN_HEIGHT, MAX_HEIGHT = 9, 50  # cells
MIN_WIDTH, MAX_WIDTH = 1, 5  # of the page's brush, in cells
MARGIN = 1  # empty cells along the edges of a board


def ways_for(height: float, width: float) -> list[int]:
    """Indices in `WAYS` of those that people can read at a height with a brush of a width, both in cells."""
    return [index for index, way in enumerate(WAYS) if width <= way.brush * height]


def draw_digits(
    number: int,
    seed: int,
    height: float | None = None,
    width: float | None = None,
    side: int = BOARD_SIDE,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Draw random digits, each by another hand.

    Classes are equally likely. So are the ways of a class, without those that such a brush makes unreadable.

    Args:
        height: of the digits in cells, from the upper to the lower edge of the ink; None: any from 9 to 50
        width: of the brush in cells; None: any from 1 to 5 that is not too wide for the height
        side: cells along a board

    Returns:
        images (number, side, side), 255 is full ink; classes (number,); indices in `WAYS` (number,)

    Raises:
        ValueError: the board is too small for the height, or the brush too wide
    """
    rng = np.random.default_rng(seed)
    widest = max(way.brush for way in WAYS)
    images = np.zeros((number, side, side), dtype=np.uint8)
    labels, ways = np.zeros((2, number), dtype=np.int64)
    for index in range(number):
        high = _log_uniform(rng, MIN_HEIGHT, MAX_HEIGHT) if height is None else height
        wide = _log_uniform(rng, MIN_WIDTH, min(MAX_WIDTH, widest * high)) if width is None else width
        if wide > widest * high:
            raise ValueError(
                f"nobody can read a digit {high:g} cells high drawn with a brush of {wide:g} cells: "
                f"use a brush of at most {widest * high:g}"
            )
        labels[index] = rng.integers(NUM_CLASSES)
        ways[index] = rng.choice([way for way in ways_for(high, wide) if WAYS[way].digit == labels[index]])
        images[index] = draw_digit(WAYS[ways[index]], rng, high, wide, side)
    return images, labels, ways


def draw_digit(
    way: Way, rng: np.random.Generator, height: float, width: float, side: int = BOARD_SIDE
) -> NDArray[np.uint8]:
    """Draw one digit at a random place of a board.

    Args:
        height: of the digit in cells, from the upper to the lower edge of the ink
        width: of the brush, in cells

    Returns:
        (side, side), 255 is full ink

    Raises:
        ValueError: the board is too small for the height
    """
    room = side - 2 * MARGIN
    if height > room:
        raise ValueError(
            f"a digit {height:g} cells high needs a board of at least {height + 2 * MARGIN:g}, not {side}"
        )
    strokes = outline(way.strokes, Hand.random(rng), rng)
    extent = max(points[:, 0].max() for points in strokes)
    scale = np.array([min(height - width, (room - width) / extent), height - width])
    corner = MARGIN + width / 2 + rng.random(2) * (room - width - scale * [extent, 1])
    return draw([corner + scale * points for points in strokes], width, side)


def _log_uniform(rng: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))
