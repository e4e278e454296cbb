"""Cells to colours: class indices, and crisp zoomed pixels.

Pictures are NumPy arrays (height, width, 3) of uint8 RGB, or several (digits, height, width, 3).
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ca.cells import NUM_CLASSES, alive, outputs

UNDECIDED, DEAD = NUM_CLASSES, NUM_CLASSES + 1
PALETTE = np.array(
    [  # article, figure legends: classes 0-9, then alive with no positive output, then dead
        (128, 0, 0), (230, 25, 75), (70, 240, 240), (210, 245, 60), (250, 190, 190),
        (170, 110, 40), (170, 255, 195), (165, 163, 159), (0, 128, 128), (128, 128, 0),
        (0, 0, 0), (255, 255, 255),
    ],
    dtype=np.uint8,
)  # fmt: skip
INK, PALE_INK = (40, 40, 40), (120, 120, 120)  # of letters and lines
MIN_ANNOTATED_ZOOM = 10  # pixels along a cell below which a character can't be read

Indices = NDArray[np.uint8]
Picture = NDArray[np.uint8]


def colour_indices(grid: Tensor) -> Indices:
    """Palette index of every cell: (batch, 20, height, width) -> (batch, height, width)."""
    best, index = outputs(grid).max(1)
    index[best <= 0] = UNDECIDED
    index[~alive(grid[:, 0])] = DEAD
    return index.byte().cpu().numpy()


def mosaic_shape(num_digits: int) -> tuple[int, int]:
    """Rows and columns of a mosaic that is as square as can be."""
    columns = math.ceil(math.sqrt(num_digits))
    return math.ceil(num_digits / columns), columns


def mosaic(pictures: Picture, rows: int, columns: int) -> Picture:
    """Pictures side by side: (digits, height, width, 3) -> (rows * height, columns * width, 3)."""
    digits, height, width, _ = pictures.shape
    padded = np.full((rows * columns, height, width, 3), PALETTE[DEAD], dtype=np.uint8)
    padded[:digits] = pictures
    return padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, -1, 3)


def cell_tiles(zoom: int, *, annotated: bool) -> NDArray[np.uint8]:
    """What a cell of each palette index looks like: (12, zoom, zoom, 3); with its class written if wanted."""
    tiles = np.repeat(PALETTE, zoom * zoom, axis=0).reshape(-1, zoom, zoom, 3)
    if annotated and zoom >= MIN_ANNOTATED_ZOOM:
        font = ImageFont.load_default(size=zoom * 0.75)
        for index in range(NUM_CLASSES):
            image = Image.fromarray(tiles[index])
            centre = (zoom / 2, zoom / 2)
            ImageDraw.Draw(image).text(centre, str(index), ink_on(index), font, anchor="mm")
            tiles[index] = np.asarray(image)
    return tiles


def ink_on(index: int) -> tuple[int, int, int]:
    """Black or white, whichever can be read on a palette colour (luma of ITU-R BT.601)."""
    luma = PALETTE[index] @ np.array([0.299, 0.587, 0.114])
    return (0, 0, 0) if luma > 128 else (255, 255, 255)


def paint(indices: Indices, tiles: NDArray[np.uint8]) -> Picture:
    """Cells to pixels: (..., height, width) indices of tiles -> (..., height * zoom, width * zoom, 3)."""
    *digits, height, width = indices.shape
    zoom = tiles.shape[1]
    return tiles[indices].swapaxes(-4, -3).reshape(*digits, height * zoom, width * zoom, 3)
