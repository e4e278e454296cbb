"""The views `classes` and `confidence`: each cell in the colour of its class."""

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont
from torch import Tensor

from ca.cells import NUM_CLASSES, alive, outputs
from ca.render import PALETTE, Picture, cell_tiles, colour_indices, ink_on, paint


class ClassView:
    """Each cell in the colour of its class.

    Args:
        zoom: pixels along the side of a cell
        annotated: write the class into each cell that has room
        shaded: the darker, the less sure: by how far the largest output is above the second largest
    """

    def __init__(self, zoom: int, *, annotated: bool, shaded: bool) -> None:
        self._tiles = cell_tiles(zoom, annotated=annotated)
        self._shaded = shaded

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(colours, 3) that pictures are made of."""
        shares = np.linspace(0, 1, 8)[:, None, None]
        blends = [(1 - shares) * PALETTE + shares * ink for ink in (0, 255)]
        return np.unique(np.concatenate(blends).reshape(-1, 3).round().astype(np.uint8), axis=0)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) in pixels of the picture of so many cells."""
        zoom = self._tiles.shape[1]
        return height * zoom, width * zoom

    def paint(self, grid: Tensor) -> Picture:
        """A picture of each digit: (batch, 20, height, width) -> (batch, height * zoom, width * zoom, 3)."""
        picture = paint(colour_indices(grid), self._tiles)
        if not self._shaded:
            return picture
        zoom = self._tiles.shape[1]
        shade = confidence(grid).cpu().numpy().repeat(zoom, 1).repeat(zoom, 2)
        return (picture * shade[..., None]).round().astype(np.uint8)

    def draw_legend(self, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], letters: int) -> None:
        """The ten classes in a box (left, top, right, bottom); shaded ones from unsure to sure."""
        left, top, right, bottom = box
        step = min(right - left, letters * 30) / NUM_CLASSES
        first = (left + right - step * NUM_CLASSES) / 2
        font = ImageFont.load_default(size=letters)
        for index in range(NUM_CLASSES):
            x0, x1 = round(first + index * step + 1), round(first + (index + 1) * step - 1)
            for x in range(x0, x1 + 1):
                share = (x - x0) / max(1, x1 - x0) if self._shaded else 1
                draw.line((x, top, x, bottom), fill=tuple((PALETTE[index] * share).round().astype(int)))
            at = ((x0 + x1) / 2 if not self._shaded else x0 + 0.8 * (x1 - x0), (top + bottom) / 2)
            draw.text(at, str(index), ink_on(index), font, anchor="mm")


def confidence(grid: Tensor) -> Tensor:
    """How far each alive cell's largest output is above the second largest, at most 1; 1 for dead cells.

    Args:
        grid: (batch, 20, height, width)

    Returns:
        (batch, height, width)
    """
    largest, second = outputs(grid).topk(2, dim=1).values.unbind(1)
    return (largest - second).clamp(max=1).where(alive(grid[:, 0]), 1.0)
