"""The captions of a video's digits: their text, and the size of their letters."""

import numpy as np
from numpy.typing import NDArray

from ca.cells import Indices, dead

MIN_LETTERS = 9  # pixels; smaller letters are unreadable


def majorities(indices: Indices, owner: NDArray[np.int64], num_digits: int, classes: int) -> list[str]:
    """The most common class of each digit, and the share of its alive cells that output it.

    Args:
        indices: (batch, height, width) palette indices
        owner: (batch, height, width) the digit that a pixel belongs to
        classes: number of classes

    Returns:
        a text for each digit, such as "3 (75%)"; "none" where no cell outputs a class
    """
    kinds = dead(classes)  # the classes, and undecided
    living = indices != kinds
    votes = np.bincount(owner[living] * kinds + indices[living], minlength=num_digits * kinds)
    return [_majority(counts) for counts in votes.reshape(num_digits, kinds)]


def _majority(counts: NDArray[np.int64]) -> str:
    """Of the counts of a digit's alive cells, (kinds,): of each class, then of undecided ones."""
    classes = counts[:-1]
    if not classes.any():
        return "none"
    return f"{classes.argmax()} ({classes.max() / counts.sum():.0%})"


def caption_letters(width: int) -> int:
    """Size of the letters of a caption above a digit `width` pixels wide; 0 if they would be unreadable."""
    letters = min(16, width // 7)
    return letters if letters >= MIN_LETTERS else 0
