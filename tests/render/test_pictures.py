"""Colours and places of cells in a picture."""

import numpy as np
import pytest
import torch
from support.sizes import ARTICLE, DEAD, UNDECIDED

from ca.cells import colour_indices
from ca.render.palette import CLASS_COLOURS, ink_on, palette_of
from ca.render.pictures import MIN_ANNOTATED_ZOOM, cell_tiles, mosaic, mosaic_shape, paint
from ca.settings.choices import Colours

PALETTE = palette_of("distinct", 10)


def test_palette_is_the_articles() -> None:
    assert [tuple(int(part) for part in colour) for colour in palette_of("article", 10)] == [
        (128, 0, 0),
        (230, 25, 75),
        (70, 240, 240),
        (210, 245, 60),
        (250, 190, 190),
        (170, 110, 40),
        (170, 255, 195),
        (165, 163, 159),
        (0, 128, 128),
        (128, 128, 0),
        (0, 0, 0),
        (255, 255, 255),
    ]


def test_cell_shows_its_class_or_that_it_has_none_or_is_dead() -> None:
    grid = torch.zeros(1, 20, 1, 4)
    grid[0, 0, 0] = torch.tensor([0.9, 0.9, 0.1, 0.9])
    grid[0, 10 + 7, 0, 0] = 0.3
    grid[0, 10 + 2, 0, 0] = 0.2
    grid[0, 9, 0, 1] = 5.0  # the last communication channel is no output
    grid[0, 10 + 4, 0, 2] = 1.0
    grid[0, 10:, 0, 3] = -1.0
    assert colour_indices(grid, ARTICLE).tolist() == [[[7, UNDECIDED, DEAD, UNDECIDED]]]


@pytest.mark.parametrize(
    ("digits", "shape"), [(1, (1, 1)), (2, (1, 2)), (5, (2, 3)), (100, (10, 10)), (101, (10, 11))]
)
def test_mosaic_is_nearly_square(digits: int, shape: tuple[int, int]) -> None:
    assert mosaic_shape(digits) == shape


def test_mosaic_puts_digits_row_by_row_and_fills_up_with_white() -> None:
    greys = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 2, 3, 3), dtype=np.uint8)
    whole = mosaic(greys, 2, 3)
    assert whole.shape == (4, 9, 3)
    expected = [[0, 1, 2], [3, 4, 255]]
    for row in range(4):
        for column in range(9):
            assert (whole[row, column] == expected[row // 2][column // 3]).all()


def test_several_digits_are_painted_as_each_alone() -> None:
    indices = np.random.default_rng(1).integers(0, 12, (3, 4, 5), dtype=np.uint8)
    tiles = cell_tiles(PALETTE, 11, annotated=True)
    pictures = paint(indices, tiles)
    assert pictures.shape == (3, 44, 55, 3)
    for number in range(3):
        assert (pictures[number] == paint(indices[number], tiles)).all()


@pytest.mark.parametrize("zoom", [1, 2, 5])
def test_zoom_repeats_every_cell_crisply(zoom: int) -> None:
    indices = np.random.default_rng(0).integers(0, 12, (3, 4), dtype=np.uint8)
    picture = paint(indices, cell_tiles(PALETTE, zoom, annotated=True))
    assert picture.shape == (3 * zoom, 4 * zoom, 3)
    for y in range(3 * zoom):
        for x in range(4 * zoom):
            assert (picture[y, x] == PALETTE[indices[y // zoom, x // zoom]]).all()


def test_class_is_written_into_cells_that_have_room() -> None:
    plain, written = (cell_tiles(PALETTE, 20, annotated=annotated) for annotated in (False, True))
    for index in range(10):
        distance = np.abs(written[index].astype(int) - ink_on(PALETTE[index])).max(-1)
        assert distance.min() < 60, "the strokes are nearly black or white"
        assert (written[index][0] == PALETTE[index]).all(), "the rim keeps the class's colour"
    assert len({(written[index] != plain[index]).tobytes() for index in range(10)}) == 10
    assert (written[UNDECIDED] == plain[UNDECIDED]).all()
    assert (written[DEAD] == plain[DEAD]).all()

    small = MIN_ANNOTATED_ZOOM
    for zoom, has_room in ((small, True), (small - 1, False)):
        plain, written = (cell_tiles(PALETTE, zoom, annotated=annotated) for annotated in (False, True))
        assert (plain != written).any() == has_room


@pytest.mark.parametrize("colours", CLASS_COLOURS)
def test_written_class_stands_out_from_its_colour(colours: Colours) -> None:
    """Contrast of at least 4.5 : 1 by the formula of WCAG 2."""
    for index, colour in enumerate(palette_of(colours, 10)[:10]):
        lighter, darker = sorted((_luminance(colour), _luminance(np.array(ink_on(colour)))))[::-1]
        assert (lighter + 0.05) / (darker + 0.05) > 4.5, index


def _luminance(colour: np.ndarray) -> float:
    share = colour / 255
    linear = np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
