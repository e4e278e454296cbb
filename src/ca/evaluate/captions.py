"""The captions of a video's digits: their text, and the size of their letters."""

import numpy as np
from numpy.typing import NDArray

from ca.cells import DEAD, Indices
from ca.sizes import NUM_CLASSES

MIN_LETTERS = 9  # pixels; smaller letters are unreadable


def majorities(indices: Indices, owner: NDArray[np.int64], num_digits: int) -> list[str]:
    """The most common class of each digit, and the share of its alive cells that output it.

    Args:
        indices: (batch, height, width) palette indices
        owner: (batch, height, width) the digit that a pixel belongs to

    Returns:
        a text for each digit, such as "3 (75%)"; "none" where no cell outputs a class
    """
    living = indices != DEAD
    kinds = DEAD  # the classes, and undecided
    votes = np.bincount(owner[living] * kinds + indices[living], minlength=num_digits * kinds)
    return [_majority(counts) for counts in votes.reshape(num_digits, kinds)]


def _majority(counts: NDArray[np.int64]) -> str:
    """Of the counts of a digit's alive cells, (11,): of each class, then of undecided ones."""
    classes = counts[:NUM_CLASSES]
    if not classes.any():
        return "none"
    return f"{classes.argmax()} ({classes.max() / counts.sum():.0%})"


def caption_letters(width: int) -> int:
    """Size of the letters of a caption above a digit `width` pixels wide; 0 if they would be unreadable."""
    letters = min(16, width // 7)
    return letters if letters >= MIN_LETTERS else 0
