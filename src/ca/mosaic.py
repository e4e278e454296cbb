"""The layout `mosaic`: digits side by side, each alone in its world."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ca.captions import caption_letters
from ca.digits import Digits
from ca.render import INK, Picture, mosaic
from ca.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Digits side by side.

    Attributes:
        num_digits: how many
        picture_size: (height, width) of a digit's picture in pixels
        columns: digits in a row
        captions: whether each digit has a caption above it, if there is room
    """

    num_digits: int
    picture_size: tuple[int, int]
    columns: int
    captions: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.picture_size
        rows = math.ceil(self.num_digits / self.columns)
        return rows * (height + self._caption_height), self.columns * width

    @property
    def letters(self) -> int:
        """Size of the letters above each digit; 0 where there are none."""
        return caption_letters(min(self.picture_size)) if self.captions else 0

    @property
    def _caption_height(self) -> int:
        return round(self.letters * 1.5)

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """Random digits, none twice."""
        chosen = digits.sample(self.num_digits, generator)
        number = torch.arange(self.num_digits, device=chosen.labels.device)
        return Scene(chosen.liveness, number[:, None, None].expand(chosen.images.shape), chosen.labels)

    def compose(self, pictures: Picture, captions: list[str]) -> Picture:
        """One picture of `size`: (digits, height, width, 3) -> (height, width, 3)."""
        strip = self._caption_height
        framed = np.pad(pictures, ((0, 0), (strip, 0), (0, 0), (0, 0)), constant_values=255)
        picture = mosaic(framed, math.ceil(self.num_digits / self.columns), self.columns)
        if not self.letters:
            return picture
        image = Image.fromarray(picture)
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=self.letters)
        height, width = self.picture_size
        for number, caption in enumerate(captions):
            row, column = divmod(number, self.columns)
            at = ((column + 0.5) * width, row * (height + strip) + strip / 2)
            draw.text(at, caption, INK, font, anchor="mm")
        return np.asarray(image)
