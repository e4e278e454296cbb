"""One frame of a video: the mosaic, captions above it, a slider and a legend beneath."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ca.cells import NUM_CLASSES
from ca.render import (
    DEAD,
    PALETTE,
    Indices,
    Picture,
    cell_tiles,
    ink_on,
    mosaic,
    mosaic_shape,
    paint,
)

BACKGROUND = (255, 255, 255)
INK, PALE_INK, TRACK = (40, 40, 40), (120, 120, 120), (205, 205, 205)
MIN_WIDTH = 160  # pixels that the legend needs
MIN_CAPTION = 9  # smallest size of letters above a digit


@dataclass(frozen=True, kw_only=True)
class FrameStyle:
    """How the frames of a video look, and where everything is; all lengths are in pixels.

    Attributes:
        num_digits: digits in the mosaic
        digit_size: (height, width) of a digit in cells
        zoom: pixels along the side of a cell
        ticks: ticks of the whole video
        stage_starts: ticks at which stages start
        slider: whether there is a slider
        annotated: whether there are captions, and classes written into cells
    """

    num_digits: int
    digit_size: tuple[int, int]
    zoom: int
    ticks: int
    stage_starts: tuple[int, ...]
    slider: bool
    annotated: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a frame, both even, as H.264 wants them."""
        height = self._legend_top + self._legend_height + self._margin
        return height + height % 2, self._width + self._width % 2

    @property
    def _letters(self) -> int:
        return max(10, min(20, self._width // 34))

    @property
    def _margin(self) -> int:
        return 12

    @property
    def _rows_columns(self) -> tuple[int, int]:
        return mosaic_shape(self.num_digits)

    @property
    def _mosaic_width(self) -> int:
        return self._rows_columns[1] * self.digit_size[1] * self.zoom

    @property
    def _width(self) -> int:
        return max(MIN_WIDTH, self._mosaic_width) + 2 * self._margin

    @property
    def _caption_letters(self) -> int:
        """Size of the letters above each digit of a mosaic; 0 where there is no room for any."""
        letters = min(16, self.digit_size[1] * self.zoom // 7)
        return letters if self.annotated and self.num_digits > 1 and letters >= MIN_CAPTION else 0

    @property
    def _caption_height(self) -> int:
        return round(self._caption_letters * 1.5)

    @property
    def _mosaic_left(self) -> int:
        return (self._width - self._mosaic_width) // 2

    @property
    def _mosaic_top(self) -> int:
        return self._margin + (round(self._letters * 1.8) if self.annotated else 0)

    @property
    def _row_height(self) -> int:
        return self.digit_size[0] * self.zoom + self._caption_height

    @property
    def _slider_top(self) -> int:
        return self._mosaic_top + self._rows_columns[0] * self._row_height + self._margin

    @property
    def _legend_top(self) -> int:
        return self._slider_top + (round(self._letters * 2.6) if self.slider else 0)

    @property
    def _legend_height(self) -> int:
        return round(self._letters * 1.5)

    @cached_property
    def _tiles(self) -> Picture:
        return cell_tiles(self.zoom, annotated=self.annotated)

    @cached_property
    def _still(self) -> Image.Image:
        """What is the same in every frame."""
        height, width = self.size
        image = Image.new("RGB", (width, height), BACKGROUND)
        draw = ImageDraw.Draw(image)
        self._draw_legend(draw)
        if self.slider:
            self._draw_track(draw)
        return image

    def frame(self, indices: Indices, labels: list[int], tick: int) -> Picture:
        """Draw a frame.

        Args:
            indices: (digits, height, width) palette indices of the cells
            labels: class of each digit
            tick: ticks done so far

        Returns:
            (height, width, 3) of `size`
        """
        image = self._still.copy()
        rows, columns = self._rows_columns
        for row in range(rows):
            shown = indices[row * columns : (row + 1) * columns]
            picture = Image.fromarray(paint(mosaic(shown, 1, columns), self._tiles))
            top = self._mosaic_top + row * self._row_height + self._caption_height
            image.paste(picture, (self._mosaic_left, top))
        draw = ImageDraw.Draw(image)
        if self.annotated:
            self._draw_captions(draw, indices, labels, tick)
        if self.slider:
            x = self._tick_x(tick)
            y, radius = self._slider_top + self._letters // 2, self._letters * 0.42
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK)
        return np.asarray(image)

    def _draw_legend(self, draw: ImageDraw.ImageDraw) -> None:
        step = min(self._width - 2 * self._margin, self._letters * 30) / NUM_CLASSES
        left = (self._width - step * NUM_CLASSES) / 2
        font = ImageFont.load_default(size=self._letters)
        for index in range(NUM_CLASSES):
            x, y = left + index * step, self._legend_top
            box = (round(x + 1), y, round(x + step - 1), y + self._legend_height)
            draw.rectangle(box, fill=tuple(PALETTE[index]))
            centre = (x + step / 2, y + self._legend_height / 2)
            draw.text(centre, str(index), ink_on(index), font, anchor="mm")

    def _draw_track(self, draw: ImageDraw.ImageDraw) -> None:
        y = self._slider_top + self._letters // 2
        draw.line((self._tick_x(0), y, self._tick_x(self.ticks), y), fill=TRACK, width=3)
        font = ImageFont.load_default(size=self._letters * 0.8)
        reach = self._letters * 0.45
        free_from = 0.0
        for tick in (*self.stage_starts, self.ticks):
            x = self._tick_x(tick)
            draw.line((x, y - reach, x, y + reach), fill=PALE_INK, width=2)
            half = font.getlength(str(tick)) / 2
            if x - half > free_from:
                draw.text((x, y + reach + 2), str(tick), PALE_INK, font, anchor="mt")
                free_from = x + half + self._letters / 2

    def _tick_x(self, tick: int) -> int:
        inset = self._margin + self._letters
        return round(inset + (self._width - 2 * inset) * tick / self.ticks)

    def _draw_captions(
        self, draw: ImageDraw.ImageDraw, indices: Indices, labels: list[int], tick: int
    ) -> None:
        heading = f"tick {tick}"
        if self.num_digits == 1:
            heading += f"    label {labels[0]}    majority {_majority(indices[0])}"
        elif self._caption_letters:
            heading += "    above each digit  label: majority (share of cells)"
        font = ImageFont.load_default(size=self._letters)
        if font.getlength(heading) > self._width - self._margin:
            heading = heading.split("    ")[0]
        at = (self._width / 2, self._margin + self._letters * 0.7)
        draw.text(at, heading, INK, font, anchor="mm")
        if not self._caption_letters:
            return
        font = ImageFont.load_default(size=self._caption_letters)
        columns = self._rows_columns[1]
        width = self.digit_size[1] * self.zoom
        for number, (digit, label) in enumerate(zip(indices, labels, strict=True)):
            row, column = divmod(number, columns)
            x = self._mosaic_left + (column + 0.5) * width
            y = self._mosaic_top + row * self._row_height + self._caption_height / 2
            draw.text((x, y), f"{label}: {_majority(digit)}", INK, font, anchor="mm")


def _majority(indices: Indices) -> str:
    """The most common class of a digit's cells and the share of alive cells that output it."""
    counts = np.bincount(indices.flatten(), minlength=DEAD + 1)[:DEAD]
    classes = counts[:NUM_CLASSES]
    if not classes.any():
        return "none"
    return f"{classes.argmax()} ({classes.max() / counts.sum():.0%})"
