"""Metrics of the votes after a tick, as pure functions.

The votes of a digit are the numbers of its alive cells that output each class: (digits, 10). A digit without
alive cells has no votes: it counts as not agreeing and as wrong.
"""

import torch
from torch import Tensor

from ca.sizes import NUM_CLASSES


def count_votes(outputs: Tensor, digit: Tensor, num_digits: int) -> Tensor:
    """Votes of each digit.

    Args:
        outputs: (cells, 10) output channels of the alive cells
        digit: (cells,) the digit that each cell belongs to

    Returns:
        (digits, 10) int64
    """
    ballots = digit * NUM_CLASSES + outputs.argmax(1)
    return torch.bincount(ballots, minlength=num_digits * NUM_CLASSES).view(num_digits, NUM_CLASSES)


def cell_accuracy(votes: Tensor, labels: Tensor) -> Tensor:
    """Share of alive cells whose class is the label, over all cells of all digits.

    Args:
        votes: (..., digits, 10)
        labels: (..., digits)

    Returns:
        (...) float64 in [0, 1]
    """
    right = votes.gather(-1, labels.unsqueeze(-1)).sum((-1, -2))
    return right.double() / votes.sum((-1, -2)).clamp(min=1)


def agreeing(votes: Tensor) -> Tensor:
    """Which digits' alive cells all output the same class: (..., digits, 10) -> (..., digits) bool."""
    cells = votes.sum(-1)
    return (votes.amax(-1) == cells) & (cells > 0)


def agreement(votes: Tensor) -> Tensor:
    """Share of digits whose alive cells all output the same class: (..., digits, 10) -> (...) float64."""
    return agreeing(votes).double().mean(-1)


def largest_part_agreement(votes: Tensor) -> Tensor:
    """Share of digits whose largest part has cells of one class; of equally large parts, the first counts.

    Args:
        votes: (..., digits, parts, 10) of `ca.parts.part_votes`

    Returns:
        (...) float64
    """
    largest = votes.sum(-1).argmax(-1, keepdim=True)
    return agreeing(votes).gather(-1, largest).squeeze(-1).double().mean(-1)


def agreement_within_parts(votes: Tensor) -> Tensor:
    """Share of digits each of whose parts has cells of one class. Arguments and result as above."""
    empty = votes.sum(-1) == 0
    return ((agreeing(votes) | empty).all(-1) & ~empty.all(-1)).double().mean(-1)


def in_parts(votes: Tensor) -> Tensor:
    """Which digits have two parts or more: (..., digits, parts, 10) -> (..., digits) bool."""
    return (votes.sum(-1) > 0).sum(-1) > 1


def digit_accuracy(votes: Tensor, labels: Tensor) -> Tensor:
    """Share of digits whose most common class is the label.

    The lowest of equally common classes counts. Arguments and result as in `cell_accuracy`.
    """
    right = (votes.argmax(-1) == labels) & (votes.sum(-1) > 0)
    return right.double().mean(-1)


def confusion(votes: Tensor, labels: Tensor) -> Tensor:
    """Number of digits of each label (row) by most common class (column), without digits that have no votes.

    Args:
        votes: (digits, 10)
        labels: (digits,)

    Returns:
        (10, 10) int64
    """
    pairs = (labels * NUM_CLASSES + votes.argmax(-1))[votes.sum(-1) > 0]
    return torch.bincount(pairs, minlength=NUM_CLASSES**2).view(NUM_CLASSES, NUM_CLASSES)
