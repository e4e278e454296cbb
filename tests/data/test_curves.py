"""Splines: they pass through their control points, in even steps, and turn sharply only at corners."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ca.data.curves import smooth_curves

SMALL = 0.01


def curve(*points: tuple[float, float], step: float = SMALL) -> NDArray[np.float64]:
    return smooth_curves(np.array(points), np.zeros(len(points), dtype=np.int64), step)[0]


def distance(places: NDArray[np.float64], point: tuple[float, float]) -> float:
    return np.hypot(*(places - point).T).min()


def largest_turn(places: NDArray[np.float64]) -> float:
    """In degrees, between one step and the next."""
    directions = np.unwrap(np.arctan2(*np.diff(places, axis=0).T[::-1]))
    return np.degrees(abs(np.diff(directions)).max())


@given(st.integers(0, 1000), st.integers(2, 8), st.integers(1, 3))
def test_strokes_pass_through_their_points_in_even_steps(seed: int, number: int, strokes: int) -> None:
    points = np.random.default_rng(seed).random((strokes * number, 2))
    places, owners = smooth_curves(points, np.repeat(np.arange(strokes), number), SMALL)
    assert owners.tolist() == sorted(owners.tolist())
    for stroke in range(strokes):
        own, given_points = places[owners == stroke], points[stroke * number : (stroke + 1) * number]
        assert own[0] == pytest.approx(given_points[0], abs=1e-9)
        assert own[-1] == pytest.approx(given_points[-1], abs=1e-9)
        for point in given_points:
            assert distance(own, tuple(point)) < 0.6 * SMALL
        steps = np.hypot(*np.diff(own, axis=0).T)
        assert steps.max() <= SMALL * (1 + 1e-9)
        assert np.median(steps) == pytest.approx(steps.max(), rel=0.05)


def test_two_points_are_a_straight_line() -> None:
    places = curve((0, 0), (3, 4), step=1)
    assert places == pytest.approx(np.linspace((0, 0), (3, 4), 6))


def test_points_of_a_circle_are_nearly_a_circle() -> None:
    angles = np.linspace(0, 2 * np.pi, 9)
    places = curve(*zip(np.cos(angles), np.sin(angles), strict=True))
    inner = places[np.abs(np.arctan2(places[:, 1], -places[:, 0])) < 2]  # the ends have no neighbours
    assert np.hypot(*inner.T) == pytest.approx(1, abs=0.01)


def test_only_two_equal_points_are_a_corner() -> None:
    assert largest_turn(curve((0, 0), (1, 0), (1, 0), (1, 1))) == pytest.approx(90, abs=1)
    assert largest_turn(curve((0, 0), (1, 0), (1, 1))) < 15
