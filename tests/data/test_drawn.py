"""Drawn digits: sizes, ways and hands, and that an automaton trained on MNIST reads them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.sizes import ALIVE_THRESHOLD, NUM_CLASSES

import ca
from ca.data.drawn import draw_digit, draw_digits, ways_for
from ca.data.drawn_forms import WAYS
from ca.data.drawn_hand import LIFT, STEP, Hand, outline
from ca.sizes import BOARD_SIDE

Points = NDArray[np.float64]

STEADY = Hand(slant=0, turn=0, aspect=1, roundness=2, closure=0, corner=0.005)
BY_NAME = {(way.digit, way.name): way for way in WAYS}


def test_a_seed_draws_the_same_digits_each_time_and_another_seed_draws_others() -> None:
    images, labels, ways = draw_digits(20, seed=3)
    for again, first in zip(draw_digits(20, seed=3), (images, labels, ways), strict=True):
        assert np.array_equal(again, first)
    others, _, _ = draw_digits(20, seed=4)
    assert not (others == images).all((1, 2)).any()
    assert [WAYS[way].digit for way in ways] == labels.tolist()


@given(st.floats(9, 60), st.floats(0, 1), st.integers(0, 2**32))
def test_digits_are_as_high_as_asked_and_lie_on_the_board(height: float, share: float, seed: int) -> None:
    width = 1 + share * (min(5, height / 4) - 1)
    (image,), _, _ = draw_digits(1, seed, height, width)
    rows, columns = np.nonzero(image > 255 * ALIVE_THRESHOLD)
    assert height - 1.5 <= rows.max() - rows.min() + 1 <= height + 2
    for edge in (0, BOARD_SIDE - 1):
        assert edge not in rows
        assert edge not in columns


@given(st.sampled_from([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0]), st.integers(0, 2**32))
def test_strokes_are_as_wide_as_the_brush(width: float, seed: int) -> None:
    image = draw_digit(BY_NAME[1, "plain"], np.random.default_rng(seed), height=50, width=width) / 255
    rows = np.flatnonzero(image.any(1))[12:-12]
    middles = (image[rows] @ np.arange(BOARD_SIDE)) / image[rows].sum(1)
    slope = (middles[4:] - middles[:-4]) / 4
    across = image[rows[2:-2]].sum(1) / np.hypot(1, slope)
    assert np.median(across) == pytest.approx(width, abs=0.1)


def test_heights_and_brushes_that_nobody_chose_cover_the_page() -> None:
    images, _, _ = draw_digits(300, seed=1)
    alive = images > 255 * ALIVE_THRESHOLD
    heights = alive.any(2).sum(1)
    assert heights.min() < 12
    assert heights.max() > 45
    assert np.median(heights) == pytest.approx(np.sqrt(9 * 50), abs=4)


def test_every_way_is_drawn_unless_the_brush_fills_its_loops() -> None:
    _, _, ways = draw_digits(600, seed=1, height=10, width=1, side=20)
    assert set(ways.tolist()) == set(range(len(WAYS)))
    assert np.bincount([WAYS[way].digit for way in ways]).min() > 40
    _, _, ways = draw_digits(250, seed=1, height=12, width=3, side=20)
    assert set(ways.tolist()) == set(ways_for(12, 3))
    assert "slashed" not in {WAYS[way].name for way in ways}
    assert {WAYS[way].digit for way in ways} == set(range(NUM_CLASSES))


def test_ways_have_distinct_names_and_every_class_has_several() -> None:
    assert len(BY_NAME) == len(WAYS)
    assert np.bincount([way.digit for way in WAYS]).min() >= 4


def lean(strokes: Sequence[Points]) -> float:
    """How far the top of the first stroke is to the right of its bottom, in heights."""
    (first, *_), points = strokes[0][np.argsort(strokes[0][:, 1])], strokes[0]
    return first[0] - points[points[:, 1].argmax(), 0]


def breadth(strokes: Sequence[Points]) -> float:
    return np.concatenate(strokes)[:, 0].max()


def fullness(strokes: Sequence[Points]) -> float:
    """The area inside the first stroke as a share of the box around it; a quarter of pi for an ellipse."""
    x, y = strokes[0].T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 / np.ptp(x) / np.ptp(y)


def length(strokes: Sequence[Points]) -> float:
    return np.hypot(*np.diff(strokes[0], axis=0).T).sum()


def sharpest_turn(strokes: Sequence[Points]) -> float:
    """Largest angle between two steps of the first stroke, in radians."""
    angle = np.unwrap(np.arctan2(*np.diff(strokes[0], axis=0).T))
    return np.abs(np.diff(angle)).max()


@pytest.mark.parametrize(
    ("way", "measure", "habit", "value", "plain", "expected"),
    [
        ((1, "plain"), lean, "slant", 0.3, 0.0, 0.3),
        ((1, "plain"), lean, "turn", 0.1, 0.0, np.tan(0.1)),
        ((0, "round"), breadth, "aspect", 1.25, 0.84, 1.25 * 0.84),
        ((0, "round"), fullness, "roundness", 3.0, np.pi / 4, 0.883),  # gamma(4/3)**2 / gamma(5/3)
        ((0, "round"), length, "closure", -36.0, np.pi * 0.92, 0.9 * np.pi * 0.92),
    ],
)
def test_habits_of_a_hand_change_its_digits(
    way: tuple[int, str],
    measure: Callable[[Sequence[Points]], float],
    habit: str,
    value: float,
    plain: float,
    expected: float,
) -> None:
    for hand, mean in ((STEADY, plain), (replace(STEADY, **{habit: value}), expected)):
        rng = np.random.default_rng(1)
        found = [measure(outline(BY_NAME[way].strokes, hand, rng)) for _ in range(150)]
        assert np.mean(found) == pytest.approx(mean, abs=0.025 * max(1, mean)), habit


def test_a_hand_that_rounds_corners_turns_them_slowly() -> None:
    seven = BY_NAME[7, "plain"].strokes
    sharp, round_ = (
        np.mean([sharpest_turn(outline(seven, hand, np.random.default_rng(seed))) for seed in range(30)])
        for hand in (STEADY, replace(STEADY, corner=0.03))
    )
    assert round_ < 0.5 * sharp


def test_outlines_fill_the_height_in_small_steps() -> None:
    rng = np.random.default_rng(1)
    for way in WAYS:
        strokes = outline(way.strokes, Hand.random(rng), rng)
        points = np.concatenate(strokes)
        assert points.min(0) == pytest.approx([0, 0])
        assert points[:, 1].max() == pytest.approx(1)
        for stroke in strokes:
            assert np.hypot(*np.diff(stroke, axis=0).T).max() < LIFT + 2 * STEP


def test_no_two_hands_draw_alike() -> None:
    rng = np.random.default_rng(1)
    places = [draw_digit(WAYS[0], rng, 20, 2.5, 26) for _ in range(20)]
    assert len({image.tobytes() for image in places}) == 20


def test_an_automaton_trained_on_mnist_reads_digits_of_its_size() -> None:
    images, labels, _ = draw_digits(200, seed=1, height=20, width=2.5, side=28)
    read = ca.classify(ca.CellularAutomaton.from_pretrained(), images, ticks=60)
    assert np.mean(read.classes == labels) >= 0.95


@pytest.mark.parametrize(
    ("height", "width", "side", "message"),
    [
        (9, 3, 64, "^nobody can read a digit 9 cells high .* brush of 3 cells: use a brush of at most 2.25$"),
        (27, 2, 28, "^a digit 27 cells high needs a board of at least 29, not 28$"),
    ],
)
def test_digits_that_nobody_could_read_or_that_do_not_fit_are_refused(
    height: float, width: float, side: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_digits(1, 1, height, width, side)
