"""How a stroke of the page's round brush becomes ink: `src/ca/page/web/session/brush.js` in NumPy.

A pen stroke is a list of places. The page draws a straight piece between each place and the one before it,
and a dot at the first. Ink that is there already never becomes paler.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

CHUNK = 1 << 15  # cells computed at a time: their arrays stay in a core's cache
FULL_INK = 255


def draw(strokes: Sequence[Floats], diameter: float, side: int) -> NDArray[np.uint8]:
    """Ink of the strokes of one drawing.

    Args:
        strokes: each (points, 2), x and y in cells; (0.5, 0.5) is the middle of the first cell
        diameter: of the brush, in cells
        side: cells along the board

    Returns:
        (side, side) grey levels, 255 is full ink
    """
    sizes = [len(stroke) for stroke in strokes]
    points = np.concatenate(strokes)
    boards = np.zeros(len(points), dtype=np.int64)
    return draw_boards(points, np.repeat(np.arange(len(sizes)), sizes), boards, np.array([diameter]), side)[0]


def draw_boards(
    points: Floats, strokes: Indices, boards: Indices, diameters: Floats, side: int
) -> NDArray[np.uint8]:
    """Ink of many drawings, each on a board of its own.

    Args:
        points: (points, 2), x and y in cells; those of a stroke follow one another
        strokes: (points,) the stroke that each point belongs to
        boards: (points,) the board that each point is on, from 0
        diameters: (boards,) of the brush, in cells
        side: cells along a board

    Returns:
        (boards, side, side) grey levels, 255 is full ink
    """
    starts = np.diff(strokes, prepend=-1) != 0
    before = np.where(starts[:, None], points, np.roll(points, 1, axis=0))
    reach = diameters[boards] / 2 + 0.5  # the coverage falls to zero half a cell beyond the rim of the brush
    first = np.floor(np.minimum(before, points) - reach[:, None]).astype(np.int64)
    last = np.floor(np.maximum(before, points) + reach[:, None]).astype(np.int64)
    # Sides of squares of cells that hold all that the pieces reach on their boards.
    windows = np.minimum((last - first).max(axis=1) + 1, side)
    first = np.minimum(first, side - windows[:, None]).clip(0)
    levels = np.zeros(len(diameters) * side * side, dtype=np.uint8)
    for window, some in _groups(windows):
        cells = first[some, :, None] + np.arange(window)  # (pieces, 2, window), columns and rows
        coverage = reach[some, None, None] - _distances(before[some], points[some], cells + 0.5)
        places = ((boards[some, None] * side + cells[:, 1]) * side)[:, :, None] + cells[:, 0, None, :]
        covered = np.flatnonzero(coverage > 0)
        ink = FULL_INK * np.minimum(coverage.take(covered), 1) + 0.5  # rounded down then, as Math.round does
        np.maximum.at(levels, places.take(covered), ink.astype(np.uint8))
    return levels.reshape(len(diameters), side, side)


def _groups(windows: Indices) -> Iterator[tuple[int, Indices]]:
    """Group pieces by the size of their windows, not too many at a time."""
    for window in np.unique(windows).tolist():
        (same,) = np.nonzero(windows == window)
        number = max(1, CHUNK // window**2)
        for start in range(0, len(same), number):
            yield window, same[start : start + number]


def _distances(before: Floats, after: Floats, middles: Floats) -> Floats:
    """How far cells are from straight pieces.

    Args:
        before: (pieces, 2) where each piece begins
        after: (pieces, 2) where it ends
        middles: (pieces, 2, window) x of the columns and y of the rows of cells

    Returns:
        (pieces, window, window)
    """
    change = after - before
    squared_length = (change**2).sum(axis=1)
    squared_length[squared_length == 0] = 1  # a dot
    offset = middles - before[:, :, None]
    shares = offset * (change / squared_length[:, None])[:, :, None]
    along = (shares[:, 1, :, None] + shares[:, 0, None, :]).clip(0, 1)
    x = offset[:, 0, None, :] - along * change[:, 0, None, None]
    y = offset[:, 1, :, None] - along * change[:, 1, None, None]
    return np.sqrt(x**2 + y**2)
