"""Taking the lines of ruled and squared paper away."""

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import disk, opening
from skimage.transform import hough_line, hough_line_peaks

from ca.photo.ink import Ink

LONGEST_TILT = np.radians(15)
ANGLES = np.linspace(-LONGEST_TILT, LONGEST_TILT, 241)  # an eighth of a degree: a line stays within its width
LEAST_LENGTH = 0.55  # of the image, in the direction of the lines
LEAST_LINES = 3  # fewer can be strokes
NARROW = 0.006  # of the longer side: lines are narrower


def without_ruling(ink: Ink, least: float) -> Ink:
    """Ink without long, straight, parallel lines: (height, width) -> (height, width).

    A pixel of a line keeps what the ink on both sides of the line says: a stroke that crosses it stays.

    Args:
        least: ink above which a pixel may be of a line
    """
    reach = max(2, round(NARROW * max(ink.shape)))
    mask = ink > least
    mask &= ~opening(mask, disk(reach))  # lines are narrow; large dark areas are not
    rows = _lines(mask.T)
    if len(rows) < LEAST_LINES:
        return ink
    cleaned = ink
    for y in rows:
        cleaned = _without_line(cleaned.T, y, reach).T
    for x in _lines(mask):
        cleaned = _without_line(cleaned, x, reach)
    return cleaned


def _lines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """For each nearly vertical line of a mask (height, width), its column in every row: (height,)."""
    votes, angles, distances = hough_line(mask, theta=ANGLES)
    found = hough_line_peaks(
        votes, angles, distances, min_distance=5, min_angle=40, threshold=LEAST_LENGTH * mask.shape[0]
    )
    rows = np.arange(mask.shape[0])
    return [
        (distance - rows * np.sin(angle)) / np.cos(angle)
        for angle, distance in zip(found[1], found[2], strict=True)
    ]


def _without_line(ink: Ink, columns: NDArray[np.float64], reach: int) -> Ink:
    """Replace a nearly vertical line by what is on its left and right, where that is less ink."""
    width = ink.shape[1]
    rows = np.flatnonzero((columns >= 0) & (columns < width))
    middle = columns[rows].round().astype(int)
    left, right = (ink[rows, (middle + side * (reach + 1)).clip(0, width - 1)] for side in (-1, 1))
    cleaned = ink.copy()
    for offset in range(-reach, reach + 1):
        share = (offset + reach + 1) / (2 * reach + 2)
        at = (middle + offset).clip(0, width - 1)
        cleaned[rows, at] = np.minimum(ink[rows, at], (1 - share) * left + share * right)
    return cleaned
