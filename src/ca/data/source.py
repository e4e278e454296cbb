"""Where fresh digits for training come from: a data set, as it is or distorted, and a generator."""

import numpy as np
import torch
from torch import Tensor

from ca.data.digits import Digits
from ca.data.distort import distort
from ca.data.written import write_digits
from ca.settings.distortions import AUGMENTATION, UNCHANGED
from ca.sizes import BOARD_SIDE

MAX_SEED = 2**63 - 1


class DigitSource:
    """Draws fresh digits at random.

    They have the size of the data set's images if all are images of the data set as they are, else boards of
    `BOARD_SIDE` cells. On these all digits are in the middle, so that a digit that mutates keeps some cells.

    Args:
        digits: of a data set
        augment: distort the digits of the data set
        written_share: share of the fresh digits that are written by `write_digits`, from 0 to 1
    """

    def __init__(self, digits: Digits, *, augment: bool = False, written_share: float = 0.0) -> None:
        self.digits = digits
        self.written_share = written_share
        self.ranges = AUGMENTATION if augment else UNCHANGED
        self.varies = augment or written_share > 0

    def draw(self, number: int, generator: torch.Generator) -> Digits:
        """Fresh digits, on the device of the data set.

        Args:
            generator: on the CPU
        """
        device = self.digits.labels.device
        picked = torch.randint(len(self.digits), (number,), generator=generator)
        chosen = self.digits[picked.to(device)]
        if not self.varies:
            return chosen
        chance = np.random.default_rng(int(torch.randint(MAX_SEED, (), generator=generator)))
        written = torch.from_numpy(chance.random(number) < self.written_share)
        images = torch.empty(number, BOARD_SIDE, BOARD_SIDE, dtype=torch.uint8)
        labels = chosen.labels.cpu()
        images[~written] = distort(chosen.images.cpu()[~written], BOARD_SIDE, chance, self.ranges)
        strokes, classes = write_digits(int(written.sum()), chance, BOARD_SIDE)
        images[written] = centred(torch.from_numpy(strokes))
        labels[written] = torch.from_numpy(classes)
        return Digits(images.to(device), labels.to(device))


def centred(images: Tensor) -> Tensor:
    """Images (images, height, width) whose ink is moved to the middle, by whole cells."""
    moved = images.clone()
    for image in moved:
        inked = image.nonzero()
        if len(inked):
            first, last = inked.amin(0), inked.amax(0)
            middle = (torch.tensor(image.shape) - 1 - first - last) // 2
            image.copy_(image.roll(middle.tolist(), (0, 1)))
    return moved
