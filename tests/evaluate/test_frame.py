"""The parts of a frame around the picture of the digits: heading, slider and legend."""

from dataclasses import replace

import numpy as np
import pytest
from support.sizes import ARTICLE, UNDECIDED

from ca.evaluate.frame import FrameStyle
from ca.evaluate.views import ChannelView, ClassView, View
from ca.render.palette import palette_of
from ca.render.pictures import Picture

PALETTE = palette_of("distinct", 10)
CLASSES = ClassView(ARTICLE, PALETTE, 3, annotated=False, shaded=False)
STYLE = FrameStyle(
    picture_size=(200, 300), view=CLASSES, ticks=40, stage_starts=(0, 20), slider=True, heading=False
)


def blank(style: FrameStyle) -> Picture:
    return np.full((*style.picture_size, 3), 255, dtype=np.uint8)


@pytest.mark.parametrize("side", [1, 28, 84, 841])
@pytest.mark.parametrize("view", [CLASSES, ChannelView(ARTICLE, 3)])
def test_size_is_even_and_kept(side: int, view: View) -> None:
    style = replace(STYLE, picture_size=(side, side), view=view, heading=True)
    frame = style.frame(blank(style), 5, "note")
    assert frame.shape == (*style.size, 3)
    assert frame.dtype == np.uint8
    assert style.size[0] % 2 == style.size[1] % 2 == 0


def test_picture_stands_within_a_white_margin() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    frame = STYLE.frame(picture, 0, "")
    assert (frame[12:212, 12:312] == picture).all()
    assert (frame[:12] == 255).all()
    assert (frame[:212, :12] == 255).all()
    assert (frame[:212, 312:] == 255).all()


def test_slider_moves_with_the_ticks_and_marks_the_stages() -> None:
    start, middle, end = (STYLE.frame(blank(STYLE), tick, "") for tick in (0, 20, 40))
    knobs = []
    for frame in (start, middle, end):
        dark = (frame[212:-45] == (40, 40, 40)).all(-1)
        knobs.append(np.nonzero(dark)[1].mean())
    width = STYLE.size[1]
    assert knobs[1] == pytest.approx(width / 2, abs=2)
    assert knobs[0] < 0.15 * width
    assert knobs[2] > 0.85 * width
    one_stage = replace(STYLE, stage_starts=(0,)).frame(blank(STYLE), 0, "")
    differs = (start != one_stage).any(-1)
    assert differs.any()
    assert np.nonzero(differs)[1].mean() == pytest.approx(width / 2, abs=2), "the mark of the second stage"


def test_no_slider() -> None:
    style = replace(STYLE, slider=False)
    assert style.size[0] < STYLE.size[0]
    assert (style.frame(blank(style), 0, "") == style.frame(blank(style), 40, "")).all()


@pytest.mark.parametrize("width", [10, 300, 900])
def test_legend_has_every_class_and_undecided(width: int) -> None:
    style = replace(STYLE, picture_size=(100, width), slider=False)
    frame = style.frame(blank(style), 0, "")
    lefts = []
    for colour in PALETTE[:10]:
        found = (frame == colour).all(-1)
        assert found.sum() > 50
        lefts.append(np.nonzero(found)[1].min())
    assert lefts == sorted(lefts)
    black = np.nonzero((frame == PALETTE[UNDECIDED]).all(-1))[1]
    assert (black > np.nonzero(found)[1].max()).sum() > 200, "undecided is to the right of the classes"


def test_heading_shows_the_tick_and_the_note() -> None:
    style = replace(STYLE, heading=True)
    frame = style.frame(blank(style), 7, "a note")
    assert style.size[0] > STYLE.size[0]
    for other in (style.frame(blank(style), 8, "a note"), style.frame(blank(style), 7, "another")):
        rows = np.nonzero((frame != other)[:200].any((1, 2)))[0]
        assert rows[0] >= 12
        assert rows[-1] < 12 + 30


@pytest.mark.parametrize("width", [1, 90, 300, 900])
def test_heading_fits_into_the_frame_without_the_note_if_need_be(width: int) -> None:
    style = replace(STYLE, picture_size=(100, width), ticks=2000, heading=True, slider=False)
    frame = style.frame(blank(style), 2000, "a note that takes a good deal of room, more than there often is")
    assert (frame[:, :4] == 255).all()
    assert (frame[:, -4:] == 255).all()
    assert (frame[12:24] != 255).any()
