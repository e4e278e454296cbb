"""Where the digits of a video are, and their captions: the layouts `mosaic` and `board`."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ca.cells import DEAD, NUM_CLASSES, Indices
from ca.data.digits import Digits
from ca.evaluate.scene import Placement, Scene
from ca.render.palette import INK, PALETTE
from ca.render.pictures import Picture, mosaic
from ca.system.errors import UsageError

MIN_LETTERS = 9  # pixels below which a caption can't be read


def majorities(indices: Indices, owner: NDArray[np.int64], num_digits: int) -> list[str]:
    """The most common class of each digit's cells, and the share of its alive cells that output it.

    Args:
        indices: (batch, height, width) palette indices
        owner: (batch, height, width) the digit that a pixel belongs to
    """
    living = indices != DEAD
    ballots = owner[living] * len(PALETTE) + indices[living]
    counts = np.bincount(ballots, minlength=num_digits * len(PALETTE)).reshape(num_digits, -1)
    return [_majority(count) for count in counts]


def _majority(counts: NDArray[np.int64]) -> str:
    classes = counts[:NUM_CLASSES]
    if not classes.any():
        return "none"
    return f"{classes.argmax()} ({classes.max() / counts.sum():.0%})"


def caption_letters(width: int) -> int:
    """Size of the letters that fit above a digit so many pixels wide; 0 if they could not be read."""
    letters = min(16, width // 7)
    return letters if letters >= MIN_LETTERS else 0


IMAGE_SIDE = 28  # cells along the image of a digit
ATTEMPTS = 20  # at finding room for every digit


@dataclass(kw_only=True)
class Board:
    """Digits on one board.

    Attributes:
        num_digits: how many
        side: cells along the board
        zoom: pixels along the side of a cell
        size: (height, width) of the board's picture in pixels
        captions: whether each digit has a caption above it, if there is room
    """

    num_digits: int
    side: int
    zoom: int
    size: tuple[int, int]
    captions: bool
    _placement: Placement | None = field(default=None, init=False)
    _tops: list[tuple[float, float]] = field(default_factory=list, init=False)

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """Random digits where there is room; from the second scene on, others in their places.

        Raises:
            UsageError: there is not room for all
        """
        if self._placement is None:
            self._placement = self._settled(digits, generator)
        else:
            for number in range(self.num_digits):
                self._placement.exchange(number, digits, generator)
        scene = self._placement.scene()
        self._tops = _tops(scene.owner[0].cpu().numpy(), self.num_digits)
        return scene

    @property
    def letters(self) -> int:
        """Size of the letters above each digit; 0 where there are none."""
        return caption_letters(IMAGE_SIDE * self.zoom) if self.captions else 0

    def compose(self, pictures: Picture, captions: list[str]) -> Picture:
        """The board's picture, with captions: (1, height, width, 3) -> (height, width, 3)."""
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

    def _settled(self, digits: Digits, generator: torch.Generator) -> Placement:
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
    """The middle of each digit's upper rim, in cells (y, x); a digit without ink is at the corner."""
    tops = []
    for number in range(num_digits):
        y, x = np.nonzero(owner == number)
        tops.append((y.min(), (x.min() + x.max() + 1) / 2) if len(y) else (0.0, 0.0))
    return tops


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
