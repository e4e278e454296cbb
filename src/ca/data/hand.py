"""What a hand does to the forms of digits: no two that it writes are the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca.data.curves import smooth_curves
from ca.data.forms import Form

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Range = tuple[float, float]  # drawn from uniformly, for each digit

STEP = 1 / 24  # between the places of a stroke, in heights of a digit
SMOOTHINGS = 5  # passes of a kernel of three places; at full speed a corner is round over two or three steps
MOST_CUT = -0.3  # of the distance between the last two control points, where a stroke is shortened
WAVES = 3  # of which a bend is the sum
WAVES_PER_HEIGHT = 0.5  # standard deviation


@dataclass(frozen=True)
class Hand:
    """How different hands write. Lengths are in heights of a digit.

    Attributes:
        slant: how far to the right the top is of the foot
        rotation: clockwise, in radians
        aspect: factor of the width, as a power of two
        balance: how far the middle is moved down; the upper loop of an 8 grows, the lower shrinks
        bend: standard deviation of a smooth distortion of the whole digit
        shake: standard deviation of a move of each control point on its own
        tremor: standard deviation of a move of each place along a stroke
        speed: 0 keeps corners sharp and tremor as it is, 1 smooths both
        ends: how far the ends of strokes are lengthened; negative values leave gaps
    """

    slant: Range = (-0.15, 0.4)
    rotation: Range = (-0.12, 0.12)
    aspect: Range = (-0.5, 0.5)
    balance: Range = (-0.06, 0.06)
    bend: Range = (0, 0.04)
    shake: Range = (0, 0.03)
    tremor: Range = (0, 0.006)
    speed: Range = (0, 1)
    ends: Range = (-0.07, 0.06)

    def write(self, forms: Sequence[Form], generator: np.random.Generator) -> tuple[Floats, Indices, Indices]:
        """Write digits, each about 1 high.

        Returns:
            (places, 2) x to the right and y down; (places,) the stroke of each; (places,) its digit
        """
        digits = np.repeat(np.arange(len(forms)), [len(form.strokes) for form in forms])
        share = generator.random(len(forms))[digits, None]
        least, most = (np.concatenate([getattr(form, name) for form in forms]) for name in ("least", "most"))
        points = least + share * (most - least)

        own_strokes = np.concatenate([form.strokes for form in forms])
        strokes = ((np.diff(own_strokes, prepend=0) != 0) | (np.diff(digits, prepend=0) != 0)).cumsum()

        def drawn(range_: Range, owners: Indices) -> Floats:
            return generator.uniform(*range_, len(forms))[owners, None]

        points = _shaken(points, drawn(self.shake, digits), generator)
        points = _lengthened(points, strokes, generator.uniform(*self.ends, (2, strokes[-1] + 1)))
        places, of_place = smooth_curves(points, strokes, STEP)
        owners = digits[np.flatnonzero(np.diff(strokes, prepend=-1))][of_place]
        places = places + drawn(self.tremor, owners) * generator.normal(size=places.shape)
        places = _smoothed(places, of_place, drawn(self.speed, owners))
        places = _bent(places, owners, drawn(self.bend, owners), generator)
        return self._posed(places, lambda range_: drawn(range_, owners)), of_place, owners

    def _posed(self, places: Floats, drawn: Callable[[Range], Floats]) -> Floats:
        """Balance, aspect, slant and rotation."""
        x, y = places[:, :1], places[:, 1:]
        y = y + drawn(self.balance) * np.maximum(4 * y * (1 - y), 0)
        x = x * np.exp2(drawn(self.aspect)) - y * drawn(self.slant)
        angle = drawn(self.rotation)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.hstack([cos * x - sin * y, sin * x + cos * y])


def _shaken(points: Floats, size: Floats, generator: np.random.Generator) -> Floats:
    """Control points each moved on its own, and the two points of a corner together."""
    moves = generator.normal(size=points.shape)
    (second,) = np.nonzero((points[1:] == points[:-1]).all(axis=1))
    moves[second + 1] = moves[second]
    return points + size * moves


def _lengthened(points: Floats, strokes: Indices, lengths: Floats) -> Floats:
    """Strokes made longer, or shorter if negative, at their first and last points: lengths (2, strokes)."""
    points = points.copy()
    first = np.flatnonzero(np.diff(strokes, prepend=-1))
    last = np.append(first[1:], len(points)) - 1
    for end, neighbour, length in ((first, first + 1, lengths[0]), (last, last - 1, lengths[1])):
        direction = points[end] - points[neighbour]
        distance = np.hypot(*direction.T)
        points[end] += direction * np.maximum(length / distance, MOST_CUT)[:, None]
    return points


def _smoothed(places: Floats, strokes: Indices, speed: Floats) -> Floats:
    """Places each moved towards the middle of its neighbours; the ends of strokes stay."""
    inside = (strokes[1:-1] == strokes[:-2]) & (strokes[1:-1] == strokes[2:])
    share = np.where(inside[:, None], speed[1:-1] / 2, 0)
    places = places.copy()
    for _ in range(SMOOTHINGS):
        places[1:-1] += share * ((places[:-2] + places[2:]) / 2 - places[1:-1])
    return places


def _bent(places: Floats, digits: Indices, size: Floats, generator: np.random.Generator) -> Floats:
    """A smooth distortion of each whole digit: a sum of waves."""
    shape = (digits[-1] + 1, WAVES, 2)
    frequencies = generator.normal(scale=WAVES_PER_HEIGHT, size=shape)
    heights = generator.normal(scale=np.sqrt(2 / WAVES), size=shape)
    phases = generator.uniform(0, 2 * np.pi, shape[:2])
    angles = 2 * np.pi * (frequencies[digits] * places[:, None]).sum(axis=2) + phases[digits]
    return places + size * (heights[digits] * np.sin(angles)[:, :, None]).sum(axis=1)
