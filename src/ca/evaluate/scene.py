"""The digits of a stage: their liveness, owners and labels; and their places on a board that they share."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.data.digits import Digits


@dataclass(frozen=True)
class Scene:
    """The digits of a stage.

    Attributes:
        liveness: (batch, height, width) grey values in [0, 1]
        owner: (batch, height, width) int64 number of the digit that a pixel belongs to; -1 for none
        labels: (digits,) classes
    """

    liveness: Tensor
    owner: Tensor
    labels: Tensor


class Placement:
    """Digits and their places on a board. No pixel with ink touches the ink of another digit.

    Args:
        side: cells along the board
        like: any image: all others have its size and are on its device
    """

    def __init__(self, side: int, like: Tensor) -> None:
        self._height, self._width = like.shape
        self._margin = max(like.shape) + 1  # an image may extend beyond the board where it has no ink
        self._barred = F.pad(torch.zeros(side, side, device=like.device), 4 * [self._margin], value=1.0)
        self._images: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._corners: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._images)

    def add(self, digit: Digits, generator: torch.Generator) -> bool:
        """Add one digit at a random place, all places with room equally likely; False if there is none."""
        ink = (digit.images > 0).float().unsqueeze(0)
        free = (F.conv2d(self._barred[None, None, 1:-1, 1:-1], ink)[0, 0] == 0).nonzero()
        if not len(free):
            return False
        choice = torch.randint(len(free), (), generator=generator, device=free.device)
        y, x = (1 + free[choice]).tolist()
        self._corners.append((y, x))
        self._images.append(digit.images[0])
        self._labels.append(digit.labels[0])
        self._bar(len(self) - 1, 1)
        return True

    def exchange(self, number: int, candidates: Digits, generator: torch.Generator) -> None:
        """Replace a digit by a random candidate that fits at its place; keep it if none does."""
        self._bar(number, -1)
        barred = self._area(self._barred, number) > 0
        device = candidates.labels.device
        for other in torch.randperm(len(candidates), generator=generator, device=device).tolist():
            if not barred[candidates.images[other] > 0].any():
                self._images[number], self._labels[number] = (
                    candidates.images[other],
                    candidates.labels[other],
                )
                break
        self._bar(number, 1)

    def scene(self) -> Scene:
        """The board: a batch of one."""
        liveness = torch.zeros_like(self._barred)
        owner = torch.full_like(self._barred, -1, dtype=torch.int64)
        for number, image in enumerate(self._images):
            ink = image > 0
            self._area(liveness, number)[ink] = image[ink].float() / 255
            self._area(owner, number)[ink] = number
        board = slice(self._margin, -self._margin)
        return Scene(liveness[None, board, board], owner[None, board, board], torch.stack(self._labels))

    def _bar(self, number: int, change: int) -> None:
        """Bar (1) or free (-1) the pixels of a digit's ink and their neighbours for the ink of others."""
        ink = (self._images[number] > 0).float()
        grown = F.max_pool2d(F.pad(ink, (2, 2, 2, 2))[None], 3, stride=1)[0]
        y, x = self._corners[number]
        self._barred[y - 1 : y + self._height + 1, x - 1 : x + self._width + 1] += change * grown

    def _area(self, board: Tensor, number: int) -> Tensor:
        """The part of a board with margins that the image of a digit covers."""
        y, x = self._corners[number]
        return board[y : y + self._height, x : x + self._width]
