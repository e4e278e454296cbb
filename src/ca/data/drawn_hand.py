"""What a hand makes of a way of drawing a digit: another outline each time.

Every digit has a hand of its own. A hand has habits (slant, width, how round arcs are and how far they close,
how much it rounds corners), misplaces each piece a little, trembles slowly along the stroke, and sometimes
lifts the pen too early or too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca.data.drawn_forms import Arc, Piece, Stroke

Floats = NDArray[np.float64]

STEP = 0.01  # distance between the points of a stroke, in heights of the digit
MISPLACED = 0.02  # standard deviation of the places of pieces
RESIZED = 0.07  # of the logarithm of an arc's radii
WAVES = 3  # slow waves of tremor along a stroke
TREMOR = 0.012  # standard deviation of each wave
LIFTED = 0.1  # probability that a stroke begins or ends early or late
LIFT = 0.05  # by how much at most, in heights of the digit


@dataclass(frozen=True)
class Hand:
    """The habits of a hand.

    Attributes:
        slant: x added per height, to the right at the top
        turn: rotation in radians
        aspect: factor of widths
        roundness: exponent of the ellipses |x|^n + |y|^n = 1: 2 is round, larger is squarer
        closure: degrees by which arcs go further than in the form
        corner: standard deviation of the average along a stroke that rounds corners, in heights
    """

    slant: float
    turn: float
    aspect: float
    roundness: float
    closure: float
    corner: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Hand":
        """Any hand."""
        return cls(
            slant=float(rng.uniform(-0.15, 0.35)),
            turn=float(rng.uniform(-0.1, 0.1)),
            aspect=float(np.exp(rng.uniform(-0.25, 0.25))),
            roundness=float(2 * np.exp(rng.uniform(-0.15, 0.25))),
            closure=float(rng.uniform(-12, 12)),
            corner=float(rng.uniform(0.005, 0.03)),
        )


def outline(strokes: Sequence[Stroke], hand: Hand, rng: np.random.Generator) -> list[Floats]:
    """Strokes as points, about `STEP` apart.

    Returns:
        each (points, 2), x and y, scaled and moved so that y is from 0 to 1 and x begins at 0
    """
    drawn = [_stroke(stroke, hand, rng) for stroke in strokes]
    cos, sin = np.cos(hand.turn), np.sin(hand.turn)
    matrix = np.array([[hand.aspect, -hand.slant], [0, 1]])
    matrix = np.array([[cos, -sin], [sin, cos]]) @ matrix
    drawn = [points @ matrix.T for points in drawn]
    least, most = np.concatenate(drawn).min(0), np.concatenate(drawn).max(0)
    return [(points - least) / (most[1] - least[1]) for points in drawn]


def _stroke(stroke: Stroke, hand: Hand, rng: np.random.Generator) -> Floats:
    """One stroke of the pen: (points, 2)."""
    pieces: list[Floats] = []
    for piece in stroke:
        points = _points(piece, hand, rng)
        if pieces:  # bent, the more the nearer to its beginning, so that it begins where the last one ends
            points += (pieces[-1][-1] - points[0]) * np.linspace(1, 0, len(points))[:, None]
        pieces.append(points)
    points = _rounded(_even(np.concatenate(pieces)), hand.corner)
    length = len(points) * STEP
    place = np.arange(len(points)) * STEP
    for wave in range(1, WAVES + 1):
        phase, size = rng.uniform(0, 2 * np.pi, 2), rng.normal(0, TREMOR, 2) * min(length, 1)
        points = points + size * np.cos(np.pi * wave * place[:, None] / max(length, 1) + phase)
    return _lifted(points, rng)


def _points(piece: Piece, hand: Hand, rng: np.random.Generator) -> Floats:
    """A piece, misplaced a little: (points, 2)."""
    share = np.linspace(0, 1, 60)[:, None]
    if isinstance(piece, Arc):
        centre = np.array([piece.x, piece.y]) + rng.normal(0, MISPLACED, 2)
        radii = np.array([piece.x_radius, piece.y_radius]) * np.exp(rng.normal(0, RESIZED, 2))
        further = hand.closure * np.sign(piece.end - piece.start)
        angle = np.radians(piece.start + share * (piece.end + further - piece.start))
        unit = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        return centre + radii * np.copysign(np.abs(unit) ** (2 / hand.roundness), unit)
    p0, p1, p2, p3 = np.array(piece).reshape(4, 2) + rng.normal(0, MISPLACED, (4, 2))
    rest = 1 - share
    return rest**3 * p0 + 3 * rest**2 * share * p1 + 3 * rest * share**2 * p2 + share**3 * p3


def _even(points: Floats) -> Floats:
    """Points along the same line, `STEP` apart."""
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    places = np.linspace(0, along[-1], max(2, round(along[-1] / STEP)))
    return np.stack([np.interp(places, along, axis) for axis in points.T], axis=1)


def _rounded(points: Floats, corner: float) -> Floats:
    """Points averaged along the stroke by a Gaussian; the ends stay nearly where they are."""
    reach = int(np.ceil(3 * corner / STEP))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP / corner) ** 2)
    # Reflected at the ends through the end points, so that a stroke gets no shorter.
    padded = np.pad(points, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.stack([np.convolve(axis, weights / weights.sum(), mode="valid") for axis in padded.T], axis=1)


def _lifted(points: Floats, rng: np.random.Generator) -> Floats:
    """The same stroke, at times a little shorter or longer at its ends."""
    for _ in range(2):  # one end, then the other
        points = points[::-1]
        if rng.random() < LIFTED:
            by = rng.uniform(-LIFT, LIFT)
            if by > 0:
                points = np.concatenate([points, points[-1:] + (points[-1] - points[-5]) * by / (4 * STEP)])
            elif len(points) * STEP > 4 * LIFT:
                points = points[: len(points) + round(by / STEP)]
    return points
