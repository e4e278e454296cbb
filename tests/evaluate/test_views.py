"""The views of a video: classes, confidence and channels."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from support.helpers import random_liveness, seeded, with_random_state
from support.sizes import ARTICLE

from ca.architecture import Architecture
from ca.cells import colour_indices
from ca.evaluate.views import NEUTRAL, ChannelView, ClassView, View, confidence
from ca.render.palette import palette_of
from ca.render.pictures import Picture

PALETTE = palette_of("distinct", 10)
WHITE_OF_ZERO = (247, 247, 247)


def painted(view: View, grid: torch.Tensor) -> Picture:
    return view.paint(grid, colour_indices(grid, ARTICLE))


def grid_of(batch: int = 2) -> torch.Tensor:
    liveness = torch.stack([random_liveness("mixed", 6, 7, seeded(seed)) for seed in range(batch)])
    return with_random_state(liveness, seeded(9))


@pytest.mark.parametrize("zoom", [1, 4])
def test_every_cell_has_the_colour_of_its_largest_output(zoom: int) -> None:
    grid = grid_of()
    view = ClassView(ARTICLE, PALETTE, zoom, annotated=False, shaded=False)
    pictures = painted(view, grid)
    assert pictures.shape == (2, *view.size(6, 7), 3)
    for number, y, x in np.ndindex(2, 6, 7):
        outputs = grid[number, 10:, y, x].tolist()
        best = outputs.index(max(outputs))
        expected = 11 if grid[number, 0, y, x] <= 0.1 else best if max(outputs) > 0 else 10
        assert (
            pictures[number, y * zoom : (y + 1) * zoom, x * zoom : (x + 1) * zoom] == PALETTE[expected]
        ).all()


def test_confidence_is_the_margin_between_the_two_largest_outputs() -> None:
    grid = torch.zeros(1, 20, 1, 5)
    grid[0, 0, 0] = torch.tensor([0.9, 0.9, 0.9, 0.05, 0.9])
    grid[0, 10:, 0, 0] = torch.tensor([0.0, 0.8, 0.3, 0, 0, 0, 0, 0, 0, -1])
    grid[0, 10:, 0, 1] = torch.tensor([5.0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    grid[0, 10:, 0, 2] = 0.7
    assert confidence(grid, ARTICLE)[0, 0].tolist() == pytest.approx([0.5, 1, 0, 1, 0])


def test_shaded_cells_are_darker_the_less_sure_they_are() -> None:
    grid = grid_of()
    plain, shaded = (
        painted(ClassView(ARTICLE, PALETTE, 3, annotated=False, shaded=shade), grid)
        for shade in (False, True)
    )
    margin = confidence(grid, ARTICLE).numpy().repeat(3, 1).repeat(3, 2)[..., None]
    assert np.abs(shaded - plain * margin).max() <= 0.5
    dead = (grid[:, 0] <= 0.1).numpy().repeat(3, 1).repeat(3, 2)
    assert (shaded[dead] == 255).all()
    assert (shaded != plain).any()


@pytest.mark.parametrize("shaded", [False, True])
def test_legend_of_classes(shaded: bool) -> None:
    image = Image.new("RGB", (400, 30), "white")
    view = ClassView(ARTICLE, PALETTE, 3, annotated=False, shaded=shaded)
    view.draw_legend(ImageDraw.Draw(image), (0, 5, 399, 25), 12)
    pixels = np.asarray(image)
    assert (pixels[:5] == 255).all()
    assert (pixels[26:] == 255).all()
    row = pixels[6].astype(int)
    for colour in PALETTE[:11]:
        assert (np.abs(row - colour).max(-1) <= 3).any()
    undecided = np.nonzero(np.abs(row - PALETTE[9]).max(-1) <= 3)[0].max() + 1
    dark = (row[:undecided].max(-1) < 20).sum()
    assert (dark >= 10) == shaded


def test_colours_of_a_gif_of_classes_include_the_palette() -> None:
    colours = ClassView(ARTICLE, PALETTE, 3, annotated=True, shaded=False).colours
    assert colours.shape[1] == 3
    assert 12 <= len(colours) <= 256
    assert {tuple(colour) for colour in PALETTE.tolist()} <= {tuple(colour) for colour in colours.tolist()}


def one_cell(channel: int, value: float, zoom: int = 3) -> np.ndarray:
    """The picture of a digit of 28 x 28 whose only alive cell, at (10, 12), has a value in one channel."""
    grid = torch.zeros(1, 20, 28, 28)
    grid[0, 0, 10, 12] = 1
    grid[0, channel, 10, 12] = value
    return painted(ChannelView(ARTICLE, zoom), grid)[0]


@pytest.mark.parametrize("zoom", [1, 3, 6])
def test_size_of_channels(zoom: int) -> None:
    view = ChannelView(ARTICLE, zoom)
    assert painted(view, torch.zeros(2, 20, 28, 28)).shape == (2, *view.size(28, 28), 3)


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


def test_dead_cells_have_a_colour_of_their_own() -> None:
    picture = painted(ChannelView(ARTICLE, 3), torch.zeros(1, 20, 28, 28))[0]
    neutral = (picture == NEUTRAL).all(-1).sum()
    assert neutral == 19 * 28 * 28 * 9


def test_legend_of_channels_runs_from_blue_over_white_to_red() -> None:
    image = Image.new("RGB", (400, 30), "white")
    ChannelView(ARTICLE, 3).draw_legend(ImageDraw.Draw(image), (0, 5, 399, 25), 12)
    row = np.asarray(image)[6].astype(int)
    coloured = np.nonzero((row != 255).any(-1))[0]
    left, middle, right = row[coloured[0]], row[coloured[len(coloured) // 2]], row[coloured[-1]]
    assert left[2] > left[0]
    assert right[0] > right[2]
    assert np.abs(middle - WHITE_OF_ZERO).max() <= 4


@pytest.mark.parametrize("classes", [2, 11, 26, 64])
def test_a_gif_has_room_for_the_colours_of_all_classes(classes: int) -> None:
    architecture, palette = Architecture(classes=classes), palette_of("distinct", classes)
    names = [f"class {index}" for index in range(classes)]
    view = ClassView(architecture, palette, 3, annotated=False, shaded=False, names=names)
    assert len(view.colours) <= 256
    assert {tuple(colour) for colour in palette.tolist()} <= {
        tuple(colour) for colour in view.colours.tolist()
    }
    assert len(np.unique(palette, axis=0)) == classes + 2, "no class is black, white or like another"


@pytest.mark.parametrize("letters", [10, 20])
def test_the_legend_of_many_classes_has_rows_that_show_all(letters: int) -> None:
    architecture, palette = Architecture(classes=64), palette_of("distinct", 64)
    names = [f"name {index}" for index in range(64)]
    view = ClassView(architecture, palette, 3, annotated=False, shaded=False, names=names)
    rows = view.legend_rows(600, letters)
    assert rows > 1
    image = Image.new("RGB", (600, 20 * rows), (1, 2, 3))
    view.draw_legend(ImageDraw.Draw(image), (0, 0, 599, 20 * rows - 1), letters)
    seen = {tuple(colour) for colour in np.asarray(image).reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in palette[:-1].tolist()} <= seen
