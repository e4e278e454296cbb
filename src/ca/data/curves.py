"""Smooth curves through control points, in even steps."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FINE = 8  # straight pieces between two control points, before the even steps


def smooth_curves(points: Floats, strokes: Indices, step: float) -> tuple[Floats, Indices]:
    """Places along centripetal Catmull-Rom splines (Yuksel, Schaefer, Keyser, 2011), one for each stroke.

    Args:
        points: (points, 2) control points; those of a stroke follow one another, and there are at least two
            that differ. Two equal points, one after the other, are a sharp corner.
        strokes: (points,) the stroke that each point belongs to: 0, 1, ...
        step: largest distance of two places along a stroke

    Returns:
        (places, 2) places in even steps along each stroke, and (places,) the stroke of each
    """
    curves, owners = _fine_curves(points, strokes)
    lengths = np.hypot(*np.diff(curves, axis=0, prepend=curves[:1]).T)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    lengths[starts] = 1  # a gap, so that the end of a stroke is not where the next begins
    along = lengths.cumsum()
    begins, ends = along[starts], along[np.append(starts[1:], len(along)) - 1]
    steps = np.ceil((ends - begins) / step).astype(np.int64).clip(1)
    of_place = np.repeat(np.arange(len(steps)), steps + 1)
    number = np.arange(len(of_place)) - np.repeat((steps + 1).cumsum() - steps - 1, steps + 1)
    wanted = begins[of_place] + (ends - begins)[of_place] * (number / steps[of_place])
    wanted = np.minimum(wanted, ends[of_place])
    return np.stack([np.interp(wanted, along, curves[:, axis]) for axis in (0, 1)], axis=1), of_place


def _fine_curves(points: Floats, strokes: Indices) -> tuple[Floats, Indices]:
    """Uneven, fine steps along the splines; the stroke of each place."""
    same = (strokes[1:] == strokes[:-1]) & (points[1:] != points[:-1]).any(axis=1)
    (first,) = np.nonzero(same)
    last = first + 1
    goes_back = np.append(False, same)[first]  # the curve has a point before this piece
    goes_on = np.append(same, False)[last]
    start, end = points[first], points[last]
    change = end - start
    before = np.where(goes_back[:, None], start - points[first - 1], change)
    after = np.where(goes_on[:, None], points[np.minimum(last + 1, len(points) - 1)] - end, change)
    knots, knots_before, knots_after = (
        np.sqrt(np.hypot(*vectors.T))[:, None] for vectors in (change, before, after)
    )
    tangent = change + knots * (before / knots_before - (before + change) / (knots_before + knots))
    tangent_end = change + knots * (after / knots_after - (after + change) / (knots_after + knots))
    share = np.linspace(0, 1, FINE + 1)[:, None]
    blend = share**2 * (3 - 2 * share)
    places = (
        start[:, None]
        + blend * change[:, None]
        + share * (1 - share) ** 2 * tangent[:, None]
        - share**2 * (1 - share) * tangent_end[:, None]
    )
    return places.reshape(-1, 2), np.repeat(strokes[first], FINE + 1)
