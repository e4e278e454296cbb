"""What a video shows of each cell: the views `classes`, `confidence` and `channels`."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ca.architecture import Architecture
from ca.cells import Indices, alive, outputs, undecided
from ca.render.palette import INK, Palette, ink_on
from ca.render.pictures import Picture, cell_tiles, fitting, paint
from ca.sizes import DIGIT_NAMES

Box = tuple[int, int, int, int]  # left, top, right and bottom in pixels

DIVERGING = [(5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31)]  # ColorBrewer's RdBu
SHADES = 201  # odd, so that the middle one is zero
DEAD_SHADE = SHADES
NEUTRAL = (222, 222, 222)  # colour of dead cells
GREYS = np.linspace(INK, (255, 255, 255), 16).round().astype(np.uint8)  # of text on white
MOST_COLOURS = 256  # of a GIF
LEGEND_VALUES = (-10, -1, 0, 1, 10)


class View(Protocol):
    """How cells become pixels."""

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(colours, 3) RGB colours of pictures and legend, at most 256: those of a GIF."""
        ...

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) in pixels of a picture of height x width cells."""
        ...

    def paint(self, grid: Tensor, indices: Indices) -> Picture:
        """A picture of each grid of a batch.

        Args:
            grid: (batch, channels, height, width)
            indices: (batch, height, width) `colour_indices` of the grid

        Returns:
            (batch, *size(height, width), 3)
        """
        ...

    def legend_rows(self, width: int, letters: int) -> int:
        """Rows of the legend if it is so many pixels wide, with letters of this size."""
        ...

    def draw_legend(self, draw: ImageDraw.ImageDraw, box: Box, letters: int) -> None:
        """Draw the meaning of the colours into a box, with letters of this size in pixels."""
        ...


class ClassView:
    """Each cell in the colour of its class.

    Args:
        architecture: of the automaton
        palette: with as many classes
        zoom: pixels along the side of a cell
        annotated: write the class into each cell that is large enough
        shaded: darken a cell by how little its largest output exceeds the second largest
        names: of the classes
    """

    def __init__(
        self,
        architecture: Architecture,
        palette: Palette,
        zoom: int,
        *,
        annotated: bool,
        shaded: bool,
        names: Sequence[str] = DIGIT_NAMES,
    ) -> None:
        self._architecture = architecture
        self._names = names
        self._palette = palette
        self._tiles = cell_tiles(palette, zoom, annotated=annotated, names=names)
        self._shaded = shaded

    @property
    def colours(self) -> NDArray[np.uint8]:
        """As in `View`."""
        steps = min(8, (MOST_COLOURS - len(GREYS)) // (2 * len(self._palette)))
        shares = np.linspace(0, 1, steps)[:, None, None]
        blends = [(1 - shares) * self._palette + shares * ink for ink in (0, 255)]
        colours = np.concatenate([GREYS, *(blend.reshape(-1, 3) for blend in blends)])
        return np.unique(colours.round().astype(np.uint8), axis=0)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """As in `View`."""
        zoom = self._tiles.shape[1]
        return height * zoom, width * zoom

    def paint(self, grid: Tensor, indices: Indices) -> Picture:
        """As in `View`."""
        picture = paint(indices, self._tiles)
        if not self._shaded:
            return picture
        zoom = self._tiles.shape[1]
        shade = confidence(grid, self._architecture).cpu().numpy().repeat(zoom, 1).repeat(zoom, 2)
        return (picture * shade[..., None]).round().astype(np.uint8)

    def legend_rows(self, width: int, letters: int) -> int:
        """As in `View`."""
        return math.ceil(len(self._names) / self._legend_columns(width, letters))

    def draw_legend(self, draw: ImageDraw.ImageDraw, box: Box, letters: int) -> None:
        """As in `View`: the classes, shaded ones from unsure to sure, then the colour of undecided cells."""
        left, top, right, bottom = box
        font, classes = ImageFont.load_default(size=letters), len(self._names)
        last, last_width = "undecided", self._last_width(letters)
        columns, rows = self._legend_columns(right - left, letters), self.legend_rows(right - left, letters)
        step = min((right - left - last_width) / columns, max(3 * letters, self._name_width(letters)))
        first, height = (left + right - step * columns - last_width) / 2, (bottom - top) / rows
        for index in range(classes + 1):
            ends = index == undecided(classes)
            row, column = (rows - 1, columns) if ends else divmod(index, columns)
            x0 = round(first + column * step + 1)
            x1 = round(first + column * step + (last_width if ends else step) - 1)
            y0, y1 = round(top + row * height), round(top + (row + 1) * height - (rows > 1))
            colour, shaded = self._palette[index], self._shaded and not ends
            for x in range(x0, x1 + 1):
                share = min(1, 2 * (x - x0) / max(1, x1 - x0)) if shaded else 1
                draw.line((x, y0, x, y1), fill=tuple((colour * share).round().astype(int)))
            at = (x0 + (0.75 if shaded else 0.5) * (x1 - x0), (y0 + y1) / 2)
            text = last if ends else fitting(self._names[index], font, x1 - x0)
            draw.text(at, text, ink_on(colour), font, anchor="mm")

    def _legend_columns(self, width: int, letters: int) -> int:
        """Classes in a row: all, if there is room for their names."""
        room = (width - self._last_width(letters)) / self._name_width(letters)
        rows = math.ceil(len(self._names) / max(1, int(room)))
        return math.ceil(len(self._names) / rows)

    def _name_width(self, letters: int) -> float:
        """Width of the longest name in pixels, up to a limit; those of one character are squeezed."""
        longest = max(map(ImageFont.load_default(size=letters).getlength, self._names))
        squeezed = max(map(len, self._names)) == 1 and len(self._names) <= len(DIGIT_NAMES)
        return 1 if squeezed else min(longest + 0.6 * letters, 10 * letters)

    def _last_width(self, letters: int) -> float:
        return ImageFont.load_default(size=letters).getlength("undecided") + 0.6 * letters


def confidence(grid: Tensor, architecture: Architecture) -> Tensor:
    """How far each alive cell's largest output is above the second largest, at most 1; 1 for dead cells.

    Args:
        grid: (batch, channels, height, width)

    Returns:
        (batch, height, width)
    """
    largest, second = outputs(grid, architecture).topk(2, dim=1).values.unbind(1)
    return (largest - second).clamp(max=1).where(alive(grid[:, 0], architecture), 1.0)


class ChannelView:
    """Each state channel as a picture of its own; the arctan of a value is its place on a diverging map.

    Args:
        architecture: of the automaton
        zoom: pixels along the side of a cell
        names: of the classes
    """

    def __init__(self, architecture: Architecture, zoom: int, names: Sequence[str] = DIGIT_NAMES) -> None:
        self._architecture = architecture
        self._names = names
        stops = np.linspace(0, SHADES - 1, len(DIVERGING))
        ramp = [np.interp(np.arange(SHADES), stops, part) for part in np.transpose(DIVERGING)]
        self._shades = np.concatenate([np.stack(ramp, 1).round(), [NEUTRAL]]).astype(np.uint8)
        self._tiles = self._shades.repeat(zoom * zoom, 0).reshape(-1, zoom, zoom, 3)
        self._gap = max(2, zoom)

    @property
    def colours(self) -> NDArray[np.uint8]:
        """As in `View`."""
        return np.concatenate([self._shades, GREYS])

    def size(self, height: int, width: int) -> tuple[int, int]:
        """As in `View`."""
        zoom, states = self._tiles.shape[1], self._architecture.state_channels
        gaps = states + 1  # twice before the outputs
        heading = self._heading_letters(width * zoom) * 3 // 2
        return heading + height * zoom + self._gap, states * width * zoom + gaps * self._gap

    def paint(self, grid: Tensor, indices: Indices) -> Picture:
        """As in `View`; the classes of the cells are not shown."""
        batch, _, height, width = grid.shape
        zoom = self._tiles.shape[1]
        shades = (SHADES - 1) * (0.5 + grid[:, 1:].atan() / np.pi)
        shades = shades.round().where(alive(grid[:, :1], self._architecture), DEAD_SHADE).byte().cpu().numpy()
        whole = self._headings(height, width)[None].repeat(batch, 0)
        for channel in range(self._architecture.state_channels):
            left = self._left(channel, width * zoom)
            whole[:, -height * zoom - self._gap : -self._gap, left : left + width * zoom] = paint(
                shades[:, channel], self._tiles
            )
        return whole

    def legend_rows(self, width: int, letters: int) -> int:
        """As in `View`."""
        return 1

    def draw_legend(self, draw: ImageDraw.ImageDraw, box: Box, letters: int) -> None:
        """As in `View`: the map, with some values at their places."""
        left, top, right, bottom = box
        half = min(right - left, letters * 30) // 2
        middle = (left + right) // 2
        for x in range(-half, half + 1):
            shade = self._shades[round((SHADES - 1) * (0.5 + x / (2 * half)))]
            draw.line((middle + x, top, middle + x, bottom), fill=tuple(shade.tolist()))
        font = ImageFont.load_default(size=letters * 0.8)
        for value in LEGEND_VALUES:
            at = (middle + half * np.arctan(value) * 2 / np.pi, (top + bottom) / 2)
            text = f"{value:+d}" if value else "0"
            draw.text(at, text, INK if abs(value) < 2 else "white", font, anchor="mm")

    def _left(self, channel: int, width: int) -> int:
        gaps = channel + (1 if channel >= self._architecture.communication_channels else 0)
        return channel * width + gaps * self._gap

    def _heading_letters(self, width: int) -> int:
        return max(6, min(16, width // 5))

    def _headings(self, height: int, width: int) -> Picture:
        """A white picture of a digit of height x width cells, with the name of each channel at the top."""
        zoom = self._tiles.shape[1]
        rows, columns = self.size(height, width)
        image = Image.new("RGB", (columns, rows), "white")
        draw = ImageDraw.Draw(image)
        letters = self._heading_letters(width * zoom)
        font = ImageFont.load_default(size=letters)
        names = [f"state {channel}" for channel in range(1, self._architecture.communication_channels + 1)]
        names += [f"class {name}" for name in self._names]
        for channel, heading in enumerate(names):
            at = (self._left(channel, width * zoom) + width * zoom / 2, letters * 0.75)
            draw.text(at, heading, INK, font, anchor="mm")
        return np.asarray(image)
