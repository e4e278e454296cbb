"""Parts of a digit: alive cells that a chain of alive neighbours joins. Different parts can't communicate."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ca.metrics import count_votes

NEIGHBOURS = np.zeros((3, 3, 3), dtype=bool)  # of a cell in (digit, y, x)
NEIGHBOURS[1] = True  # the 3x3 surroundings in the same digit


def number_parts(living: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The part that each cell belongs to.

    Args:
        living: (batch, height, width) which cells are alive

    Returns:
        (batch, height, width) numbers from 0 on in each digit, in the order of the parts' first cells, row by
        row; -1 where a cell is dead
    """
    numbers, _ = ndimage.label(living, NEIGHBOURS)
    # The numbers rise from digit to digit.
    last = np.maximum.accumulate(numbers.max((1, 2), initial=0))
    before = np.concatenate([[0], last[:-1]])[: len(living), None, None]
    return np.where(living, numbers - before - 1, -1).astype(np.int32)


def part_votes(living: Tensor, outputs: Tensor) -> Tensor:
    """Number of alive cells of each part of each digit that output each class.

    Args:
        living: (batch, height, width) bool, which cells are alive
        outputs: (cells, classes) output channels of the alive cells, digit by digit and row by row

    Returns:
        (batch, parts, classes) int64 on the CPU; digits with fewer parts than others have parts without votes
    """
    mask = living.cpu().numpy()
    part, digit = number_parts(mask)[mask], mask.nonzero()[0]
    most = int(part.max(initial=0)) + 1
    votes = count_votes(outputs.cpu(), torch.from_numpy(digit * most + part), len(mask) * most)
    return votes.view(len(mask), most, -1)
