"""Metrics of the votes after a tick, as pure functions.

The votes of a digit are the numbers of its alive cells that output each class: (digits, classes). A digit
without alive cells has no votes: it counts as not agreeing and as wrong.
"""

import torch
from torch import Tensor


def count_votes(outputs: Tensor, digit: Tensor, num_digits: int) -> Tensor:
    """Votes of each digit.

    Args:
        outputs: (cells, classes) output channels of the alive cells
        digit: (cells,) the digit that each cell belongs to

    Returns:
        (digits, classes) int64
    """
    classes = outputs.shape[1]
    ballots = digit * classes + outputs.argmax(1)
    return torch.bincount(ballots, minlength=num_digits * classes).view(num_digits, classes)


def cell_accuracy(votes: Tensor, labels: Tensor) -> Tensor:
    """Share of alive cells whose class is the label, over all cells of all digits.

    Args:
        votes: (..., digits, classes)
        labels: (..., digits)

    Returns:
        (...) float64 in [0, 1]
    """
    right = votes.gather(-1, labels.unsqueeze(-1)).sum((-1, -2))
    return right.double() / votes.sum((-1, -2)).clamp(min=1)


def agreeing(votes: Tensor) -> Tensor:
    """Which digits' alive cells all output the same class: (..., digits, classes) -> (..., digits) bool."""
    cells = votes.sum(-1)
    return (votes.amax(-1) == cells) & (cells > 0)


def agreement(votes: Tensor) -> Tensor:
    """Share of digits whose alive cells all output one class: (..., digits, classes) -> (...) float64."""
    return agreeing(votes).double().mean(-1)


def largest_part_agreement(votes: Tensor) -> Tensor:
    """Share of digits whose largest part has cells of one class; of equally large parts, the first counts.

    Args:
        votes: (..., digits, parts, classes) of `ca.parts.part_votes`

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
    """Which digits have two parts or more: (..., digits, parts, classes) -> (..., digits) bool."""
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
        votes: (digits, classes)
        labels: (digits,)

    Returns:
        (classes, classes) int64
    """
    classes = votes.shape[-1]
    pairs = (labels * classes + votes.argmax(-1))[votes.sum(-1) > 0]
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)
