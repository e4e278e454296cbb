"""The layout `board`: digits that live together on one large square."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ca.captions import caption_letters
from ca.crowd import Crowd
from ca.digits import Digits
from ca.errors import UsageError
from ca.render import INK, Picture
from ca.scene import Scene

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
    _crowd: Crowd | None = field(default=None, init=False)
    _tops: list[tuple[float, float]] = field(default_factory=list, init=False)

    def next_scene(self, digits: Digits, generator: torch.Generator) -> Scene:
        """Random digits where there is room; from the second scene on, others in their places.

        Raises:
            UsageError: there is not room for all
        """
        if self._crowd is None:
            self._crowd = self._settled(digits, generator)
        else:
            for number in range(self.num_digits):
                self._crowd.exchange(number, digits, generator)
        scene = self._crowd.scene()
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

    def _settled(self, digits: Digits, generator: torch.Generator) -> Crowd:
        most = 0
        for _ in range(ATTEMPTS):
            crowd = Crowd(self.side, digits.images[0])
            chosen = digits.sample(self.num_digits, generator)
            if all(crowd.add(chosen[number : number + 1], generator) for number in range(self.num_digits)):
                return crowd
            most = max(most, len(crowd))
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
