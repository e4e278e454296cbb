"""Cells in the colours of their classes, and how dark the unsure ones are."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from support.helpers import random_liveness, seeded, with_random_state

from ca.evaluate.views import ClassView, confidence
from ca.render.palette import PALETTE


def grid_of(batch: int = 2) -> torch.Tensor:
    liveness = torch.stack([random_liveness("mixed", 6, 7, seeded(seed)) for seed in range(batch)])
    return with_random_state(liveness, seeded(9))


@pytest.mark.parametrize("zoom", [1, 4])
def test_every_cell_has_the_colour_of_its_largest_output(zoom: int) -> None:
    grid = grid_of()
    view = ClassView(zoom, annotated=False, shaded=False)
    pictures = view.paint(grid)
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
    assert confidence(grid)[0, 0].tolist() == pytest.approx([0.5, 1, 0, 1, 0])


def test_shaded_cells_are_darker_the_less_sure_they_are() -> None:
    grid = grid_of()
    plain, shaded = (ClassView(3, annotated=False, shaded=shade).paint(grid) for shade in (False, True))
    margin = confidence(grid).numpy().repeat(3, 1).repeat(3, 2)[..., None]
    assert np.abs(shaded - plain * margin).max() <= 0.5
    dead = (grid[:, 0] <= 0.1).numpy().repeat(3, 1).repeat(3, 2)
    assert (shaded[dead] == 255).all()
    assert (shaded != plain).any()


@pytest.mark.parametrize("shaded", [False, True])
def test_legend(shaded: bool) -> None:
    image = Image.new("RGB", (400, 30), "white")
    ClassView(3, annotated=False, shaded=shaded).draw_legend(ImageDraw.Draw(image), (0, 5, 399, 25), 12)
    pixels = np.asarray(image)
    assert (pixels[:5] == 255).all()
    assert (pixels[26:] == 255).all()
    row = pixels[6].astype(int)
    for colour in PALETTE[:10]:
        assert (np.abs(row - colour).max(-1) <= 3).any()
    dark = (row.max(-1) < 20).sum()
    assert (dark >= 10) == shaded


def test_a_gif_of_it_has_the_palettes_colours() -> None:
    colours = ClassView(3, annotated=True, shaded=False).colours
    assert colours.shape[1] == 3
    assert 12 <= len(colours) <= 256
    assert {tuple(colour) for colour in PALETTE.tolist()} <= {tuple(colour) for colour in colours.tolist()}
