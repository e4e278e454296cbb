"""A frame of a video: a heading, the picture of the digits, a slider and a legend."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ca.evaluate.views import View
from ca.render.palette import INK, PALE_INK
from ca.render.pictures import Picture

BACKGROUND, TRACK = (255, 255, 255), (205, 205, 205)
MIN_WIDTH = 160  # pixels, for the legend
MARGIN = 12  # pixels


@dataclass(frozen=True, kw_only=True)
class FrameStyle:
    """What the frames of a video consist of, and where it is. All lengths are in pixels.

    Attributes:
        picture_size: (height, width) of the picture of all digits
        view: the view that the legend is for
        ticks: number of ticks of the whole video
        stage_starts: ticks at which stages start
        slider: draw a slider below the picture
        heading: write a line of text above the picture
    """

    picture_size: tuple[int, int]
    view: View
    ticks: int
    stage_starts: tuple[int, ...]
    slider: bool
    heading: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a frame, both even, as H.264 requires."""
        height = self._legend_top + self._legend_height + MARGIN
        return height + height % 2, self._width + self._width % 2

    @property
    def _letters(self) -> int:
        return max(10, min(20, self._width // 34))

    @property
    def _width(self) -> int:
        return max(MIN_WIDTH, self.picture_size[1]) + 2 * MARGIN

    @property
    def _picture_top(self) -> int:
        return MARGIN + (round(self._letters * 1.8) if self.heading else 0)

    @property
    def _slider_top(self) -> int:
        return self._picture_top + self.picture_size[0] + MARGIN

    @property
    def _legend_top(self) -> int:
        return self._slider_top + (round(self._letters * 2.6) if self.slider else 0)

    @property
    def _legend_height(self) -> int:
        rows = self.view.legend_rows(self._width - 2 * MARGIN, self._letters)
        return round(self._letters * 1.5) * rows

    @cached_property
    def _still(self) -> Image.Image:
        """The part that is the same in every frame."""
        height, width = self.size
        image = Image.new("RGB", (width, height), BACKGROUND)
        draw = ImageDraw.Draw(image)
        top = self._legend_top
        legend = (MARGIN, top, self._width - MARGIN, top + self._legend_height)
        self.view.draw_legend(draw, legend, self._letters)
        if self.slider:
            self._draw_track(draw)
        return image

    def frame(self, picture: Picture, tick: int, note: str) -> Picture:
        """Draw a frame.

        Args:
            picture: (height, width, 3) of `picture_size`
            tick: number of ticks so far
            note: text of the heading after the tick; left out where it does not fit

        Returns:
            (height, width, 3) of `size`
        """
        image = self._still.copy()
        image.paste(Image.fromarray(picture), ((self._width - self.picture_size[1]) // 2, self._picture_top))
        draw = ImageDraw.Draw(image)
        if self.heading:
            self._draw_heading(draw, f"tick {tick}", note)
        if self.slider:
            x = self._tick_x(tick)
            y, radius = self._slider_top + self._letters // 2, self._letters * 0.42
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK)
        return np.asarray(image)

    def _draw_heading(self, draw: ImageDraw.ImageDraw, heading: str, note: str) -> None:
        font = ImageFont.load_default(size=self._letters)
        whole = f"{heading}    {note}".strip()
        if font.getlength(whole) <= self._width - MARGIN:
            heading = whole
        at = (self._width / 2, MARGIN + self._letters * 0.7)
        draw.text(at, heading, INK, font, anchor="mm")

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
        inset = MARGIN + self._letters
        return round(inset + (self._width - 2 * inset) * tick / self.ticks)
