"""The captions of a video's digits: their text, and the size of their letters."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ca.cells import Indices, dead
from ca.sizes import DIGIT_NAMES

MIN_LETTERS = 9  # pixels; smaller letters are unreadable


def majorities(
    indices: Indices, owner: NDArray[np.int64], num_digits: int, names: Sequence[str]
) -> list[str]:
    """The most common class of each digit, and the share of its alive cells that output it.

    Args:
        indices: (batch, height, width) palette indices
        owner: (batch, height, width) the digit that a pixel belongs to
        names: of the classes

    Returns:
        a text for each digit, such as "3 (75%)"; "none" where no cell outputs a class
    """
    kinds = dead(len(names))  # the classes, and undecided
    living = indices != kinds
    votes = np.bincount(owner[living] * kinds + indices[living], minlength=num_digits * kinds)
    return [_majority(counts, names) for counts in votes.reshape(num_digits, kinds)]


def _majority(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    """Of the counts of a digit's alive cells, (kinds,): of each class, then of undecided ones."""
    classes = counts[:-1]
    if not classes.any():
        return "none"
    return f"{names[int(classes.argmax())]} ({classes.max() / counts.sum():.0%})"


def caption_letters(width: int, names: Sequence[str] = DIGIT_NAMES) -> int:
    """Size of the letters of a caption above a digit `width` pixels wide; 0 if they would be unreadable.

    A caption has two of the names and eight other characters.
    """
    characters = 8 + 2 * max(map(len, names))
    letters = min(16, width * 10 // (7 * characters))
    return letters if letters >= MIN_LETTERS else 0
