"""What a frame of a video shows, and where."""

from dataclasses import replace

import numpy as np
import pytest

from ca.frame import FrameStyle, _majority
from ca.render import DEAD, PALETTE, UNDECIDED, Indices

STYLE = FrameStyle(
    num_digits=4, digit_size=(28, 28), zoom=6, ticks=40, stage_starts=(0, 20), slider=True, annotated=False
)
LABELS = [1, 2, 3, 4]


@pytest.fixture
def indices() -> Indices:
    """Four digits: a full square of class 0, 1, 2, 3 each."""
    digits = np.full((4, 28, 28), DEAD, dtype=np.uint8)
    for number in range(4):
        digits[number, 10:18, 10:18] = number
    return digits


@pytest.mark.parametrize("zoom", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("num_digits", [1, 3, 10])
def test_size_is_even_and_kept(zoom: int, num_digits: int) -> None:
    style = replace(STYLE, zoom=zoom, num_digits=num_digits, annotated=True)
    digits = np.full((num_digits, 28, 28), DEAD, dtype=np.uint8)
    frame = style.frame(digits, [0] * num_digits, 5)
    assert frame.shape == (*style.size, 3)
    assert frame.dtype == np.uint8
    assert style.size[0] % 2 == style.size[1] % 2 == 0


def test_digits_stand_in_a_mosaic_on_white(indices: Indices) -> None:
    frame = STYLE.frame(indices, LABELS, 0)
    side, margin = 28 * 6, 12
    for number, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        top, left = margin + row * side, margin + column * side
        square = frame[top + 60 : top + 108, left + 60 : left + 108]
        assert (square == PALETTE[number]).all()
        assert (frame[top : top + 60, left : left + side] == 255).all()
    assert (frame[0] == 255).all()


def test_slider_moves_with_the_ticks_and_marks_the_stages(indices: Indices) -> None:
    start, middle, end = (STYLE.frame(indices, LABELS, tick) for tick in (0, 20, 40))
    knobs = []
    for frame in (start, middle, end):
        dark = (frame[-60:] == (40, 40, 40)).all(-1)
        knobs.append(np.nonzero(dark)[1].mean())
    width = STYLE.size[1]
    assert knobs[1] == pytest.approx(width / 2, abs=2)
    assert knobs[0] + knobs[2] == pytest.approx(width, abs=4)
    assert knobs[0] < knobs[1] < knobs[2]

    one_stage = replace(STYLE, stage_starts=(0,)).frame(indices, LABELS, 0)
    differs = (start != one_stage).any(-1)
    assert differs.any()
    assert np.nonzero(differs)[1].mean() == pytest.approx(width / 2, abs=2), "the mark of the second stage"


def test_no_slider(indices: Indices) -> None:
    style = replace(STYLE, slider=False)
    assert style.size[0] < STYLE.size[0]
    assert (style.frame(indices, LABELS, 0) == style.frame(indices, LABELS, 40)).all()


@pytest.mark.parametrize("zoom", [1, 6, 20])
def test_legend_has_every_class(indices: Indices, zoom: int) -> None:
    style = replace(STYLE, zoom=zoom, slider=False)
    frame = style.frame(np.full_like(indices, DEAD), LABELS, 0)
    lefts = []
    for colour in PALETTE[:10]:
        found = (frame == colour).all(-1)
        assert found.sum() > 50
        lefts.append(np.nonzero(found)[1].min())
    assert lefts == sorted(lefts)


def test_captions_are_above_the_picture_and_change_with_what_they_tell(indices: Indices) -> None:
    style = replace(STYLE, annotated=True, zoom=8)
    frame = style.frame(indices, LABELS, 7)
    assert style.size[0] > replace(style, annotated=False).size[0]
    for other in (style.frame(indices, LABELS, 8), style.frame(indices, [1, 2, 3, 5], 7)):
        rows = np.nonzero((frame != other).any((1, 2)))[0]
        assert len(rows) > 0
    heading = np.nonzero((frame != style.frame(indices, LABELS, 8)).any((1, 2)))[0]
    assert heading[0] < 12 + 30, "the tick is told in the first line"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([3, 3, 3, 1, DEAD, DEAD], "3 (75%)"),
        ([UNDECIDED, UNDECIDED, 5, DEAD], "5 (33%)"),
        ([UNDECIDED, DEAD], "none"),
        ([DEAD], "none"),
    ],
)
def test_majority_is_of_the_alive_cells(cells: list[int], expected: str) -> None:
    assert _majority(np.array([cells], dtype=np.uint8)) == expected


@pytest.mark.parametrize(("num_digits", "zoom"), [(1, 1), (1, 3), (4, 2), (4, 3), (9, 3), (100, 1), (100, 3)])
def test_captions_fit_into_the_frame(num_digits: int, zoom: int) -> None:
    style = replace(STYLE, num_digits=num_digits, zoom=zoom, ticks=2000, annotated=True, slider=False)
    digits = np.full((num_digits, 28, 28), 8, dtype=np.uint8)
    frame = style.frame(digits, [8] * num_digits, 2000)
    assert (frame[:, :4] == 255).all()
    assert (frame[:, -4:] == 255).all()
    assert (frame[12:24] != 255).any(), "there is a heading"
