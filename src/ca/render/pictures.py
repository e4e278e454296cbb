"""Pictures of cells: each cell is a tile of pixels; several digits stand side by side.

Pictures are NumPy arrays (height, width, 3) of uint8 RGB, or several (digits, height, width, 3).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ca.cells import Indices
from ca.render.palette import Palette, classes_of, ink_on
from ca.sizes import DIGIT_NAMES

MIN_ANNOTATED_ZOOM = 10  # pixels along the side of a cell; a character in a smaller one is unreadable

Picture = NDArray[np.uint8]


def mosaic_shape(num_digits: int) -> tuple[int, int]:
    """(rows, columns) of a mosaic that is as square as possible."""
    columns = math.ceil(math.sqrt(num_digits))
    return math.ceil(num_digits / columns), columns


def mosaic(pictures: Picture, rows: int, columns: int) -> Picture:
    """Pictures side by side, row by row; places without a picture are white.

    Args:
        pictures: (digits, height, width, 3)

    Returns:
        (rows * height, columns * width, 3)
    """
    digits, height, width, _ = pictures.shape
    padded = np.full((rows * columns, height, width, 3), 255, dtype=np.uint8)
    padded[:digits] = pictures
    return padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, -1, 3)


def cell_tiles(
    palette: Palette, zoom: int, *, annotated: bool, names: Sequence[str] = DIGIT_NAMES
) -> NDArray[np.uint8]:
    """The tile of a cell for each palette index.

    Args:
        zoom: pixels along the side of a cell
        annotated: write the class into the tile, if it is large enough: its name, or as much of it as fits
        names: of the classes

    Returns:
        (classes + 2, zoom, zoom, 3)
    """
    tiles = np.repeat(palette, zoom * zoom, axis=0).reshape(-1, zoom, zoom, 3)
    if annotated and zoom >= MIN_ANNOTATED_ZOOM:
        font = ImageFont.load_default(size=zoom * 0.75)
        for index in range(classes_of(palette)):
            image = Image.fromarray(tiles[index])
            centre = (zoom / 2, zoom / 2)
            text = fitting(names[index], font, zoom)
            ImageDraw.Draw(image).text(centre, text, ink_on(palette[index]), font, anchor="mm")
            tiles[index] = np.asarray(image)
    return tiles


def fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """As many characters of a text as fit a width in pixels, one at least."""
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-1]
    return text


def paint(indices: Indices, tiles: NDArray[np.uint8]) -> Picture:
    """Cells as pixels: (..., height, width) indices of tiles -> (..., height * zoom, width * zoom, 3)."""
    *digits, height, width = indices.shape
    zoom = tiles.shape[1]
    return tiles[indices].swapaxes(-4, -3).reshape(*digits, height * zoom, width * zoom, 3)
