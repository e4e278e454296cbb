"""Where the digits of a video are: the layouts `mosaic` and `board`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ca.data.digits import Digits
from ca.evaluate.captions import caption_letters
from ca.evaluate.scene import Placement, Scene
from ca.render.palette import INK
from ca.render.pictures import Picture, mosaic
from ca.sizes import DIGIT_NAMES, IMAGE_SIDE
from ca.system.errors import UsageError

ATTEMPTS = 20  # to find room for every digit


class Layout(Protocol):
    """Where the digits of a video are."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of the picture of all digits."""
        ...

    @property
    def letters(self) -> int:
        """Size in pixels of the letters above each digit; 0 if there are no captions."""
        ...

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """The digits of the next stage."""
        ...

    def compose(self, pictures: Picture, captions: list[str]) -> Picture:
        """Join the pictures of a batch, (batch, height, width, 3), into one, (height, width, 3) of `size`.

        Args:
            captions: one for each digit; written above it if `letters` is not 0
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Digits side by side, each alone in its image.

    Attributes:
        num_digits: number of digits
        picture_size: (height, width) of the picture of one digit in pixels
        columns: digits in a row
        captions: write a caption above each digit, if there is room
        names: of the classes
    """

    num_digits: int
    picture_size: tuple[int, int]
    columns: int
    captions: bool
    names: Sequence[str] = DIGIT_NAMES

    @property
    def size(self) -> tuple[int, int]:
        """As in `Layout`."""
        height, width = self.picture_size
        return self._rows * (height + self._caption_height), self.columns * width

    @property
    def letters(self) -> int:
        """As in `Layout`."""
        return caption_letters(min(self.picture_size), self.names) if self.captions else 0

    @property
    def _rows(self) -> int:
        return math.ceil(self.num_digits / self.columns)

    @property
    def _caption_height(self) -> int:
        return round(self.letters * 1.5)

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """Random digits, none twice."""
        chosen = digits.sample(self.num_digits, generator)
        number = torch.arange(self.num_digits, device=chosen.labels.device)
        return Scene(chosen.liveness, number[:, None, None].expand(chosen.images.shape), chosen.labels)

    def compose(self, pictures: Picture, captions: list[str]) -> Picture:
        """As in `Layout`."""
        strip = self._caption_height
        framed = np.pad(pictures, ((0, 0), (strip, 0), (0, 0), (0, 0)), constant_values=255)
        picture = mosaic(framed, self._rows, self.columns)
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


@dataclass(kw_only=True)
class Board:
    """Digits on one large square, which keep their places from stage to stage.

    Attributes:
        num_digits: number of digits
        side: cells along the side of the board
        zoom: pixels along the side of a cell
        size: (height, width) of the picture of the board in pixels
        captions: write a caption above each digit, if there is room
        image_side: pixels along the images of the digits
        names: of the classes
    """

    num_digits: int
    side: int
    zoom: int
    size: tuple[int, int]
    captions: bool
    image_side: int = IMAGE_SIDE
    names: Sequence[str] = DIGIT_NAMES
    _placement: Placement | None = field(default=None, init=False)
    _tops: list[tuple[float, float]] = field(default_factory=list, init=False)

    @property
    def letters(self) -> int:
        """As in `Layout`."""
        return caption_letters(self.image_side * self.zoom, self.names) if self.captions else 0

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """Random digits at random places; from the second scene on, other digits at the same places.

        Raises:
            UsageError: there is not enough room for all digits
        """
        if self._placement is None:
            self._placement = self._place(digits, generator)
        else:
            for number in range(self.num_digits):
                self._placement.exchange(number, digits, generator)
        scene = self._placement.scene()
        self._tops = _tops(scene.owner[0].cpu().numpy(), self.num_digits)
        return scene

    def compose(self, pictures: Picture, captions: list[str]) -> Picture:
        """As in `Layout`; the batch is one picture of the whole board."""
        if not self.letters:
            return pictures[0]
        image = Image.fromarray(pictures[0])
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=self.letters)
        for (y, x), caption in zip(self._tops, captions, strict=True):
            half = font.getlength(caption) / 2
            at = (
                min(max(x * self.zoom, half + 2), image.width - half - 2),
                max(y * self.zoom, self.letters + 2),
            )
            draw.text(at, caption, INK, font, anchor="mb", stroke_width=2, stroke_fill="white")
        return np.asarray(image)

    def _place(self, digits: Digits, generator: torch.Generator) -> Placement:
        most = 0
        for _ in range(ATTEMPTS):
            placement = Placement(self.side, digits.images[0])
            chosen = digits.sample(self.num_digits, generator)
            if all(
                placement.add(chosen[number : number + 1], generator) for number in range(self.num_digits)
            ):
                return placement
            most = max(most, len(placement))
        raise UsageError(
            f"only {most} of --batch-size {self.num_digits} digits find room on a board of {self.side} x "
            f"{self.side} cells: raise --board-size or lower --batch-size"
        )


def _tops(owner: NDArray[np.int64], num_digits: int) -> list[tuple[float, float]]:
    """The middle of the upper edge of each digit, in cells (y, x); (0, 0) for a digit without ink.

    Args:
        owner: (height, width) the digit that a pixel belongs to
    """
    tops = []
    for number in range(num_digits):
        y, x = np.nonzero(owner == number)
        tops.append((y.min(), (x.min() + x.max() + 1) / 2) if len(y) else (0.0, 0.0))
    return tops
