"""All 19 state channels of a digit side by side."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ca.evaluate.views import NEUTRAL, ChannelView

WHITE_OF_ZERO = (247, 247, 247)


def one_cell(channel: int, value: float, zoom: int = 3) -> np.ndarray:
    """The picture of a digit of 28 x 28 whose only alive cell, at (10, 12), has a value in one channel."""
    grid = torch.zeros(1, 20, 28, 28)
    grid[0, 0, 10, 12] = 1
    grid[0, channel, 10, 12] = value
    return ChannelView(zoom).paint(grid)[0]


@pytest.mark.parametrize("zoom", [1, 3, 6])
def test_size(zoom: int) -> None:
    view = ChannelView(zoom)
    assert view.paint(torch.zeros(2, 20, 28, 28)).shape == (2, *view.size(28, 28), 3)


def test_each_channel_has_its_place_from_left_to_right() -> None:
    lefts = []
    for channel in range(1, 20):
        changed = (one_cell(channel, 5.0) != one_cell(channel, 0.0)).any(-1)
        y, x = np.nonzero(changed)
        assert changed.sum() == 9, "one cell, nothing else"
        assert y.max() - y.min() == x.max() - x.min() == 2
        lefts.append(x.min())
    steps = np.diff(lefts)
    assert (steps >= 28 * 3).all()
    assert steps.argmax() == 8, "a wider gap before the outputs"


def test_colour_tells_sign_and_size() -> None:
    def colour(value: float) -> tuple[int, ...]:
        picture, zero = one_cell(4, value), one_cell(4, 7.7)
        y, x = np.nonzero((picture != zero).any(-1))
        return tuple(int(part) for part in picture[y[0], x[0]])

    assert colour(0.0) == WHITE_OF_ZERO
    reds = [colour(value) for value in (0.1, 0.5, 1.0, 3.0)]
    blues = [colour(-value) for value in (0.1, 0.5, 1.0, 3.0)]
    assert all(red > blue for red, _, blue in reds)
    assert all(blue > red for red, _, blue in blues)
    for colours in (reds, blues):
        lightness = [sum(parts) for parts in colours]
        assert lightness == sorted(lightness, reverse=True)
    assert colour(1.0) == (214, 96, 77), "arctan(1) is half of the way"
    assert colour(1e6) == (103, 0, 31)


def test_dead_cells_are_neither() -> None:
    picture = ChannelView(3).paint(torch.zeros(1, 20, 28, 28))[0]
    neutral = (picture == NEUTRAL).all(-1).sum()
    assert neutral == 19 * 28 * 28 * 9


def test_legend_runs_from_blue_over_white_to_red() -> None:
    image = Image.new("RGB", (400, 30), "white")
    ChannelView(3).draw_legend(ImageDraw.Draw(image), (0, 5, 399, 25), 12)
    row = np.asarray(image)[6].astype(int)
    coloured = np.nonzero((row != 255).any(-1))[0]
    left, middle, right = row[coloured[0]], row[coloured[len(coloured) // 2]], row[coloured[-1]]
    assert left[2] > left[0]
    assert right[0] > right[2]
    assert np.abs(middle - WHITE_OF_ZERO).max() <= 4
