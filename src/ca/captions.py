"""What is written about digits in a video."""

import numpy as np
from numpy.typing import NDArray

from ca.cells import NUM_CLASSES
from ca.render import DEAD, PALETTE, Indices

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
