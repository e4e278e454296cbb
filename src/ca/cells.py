"""What a cell is: channels, liveness, classes, start state and mutation.

A grid holds the cells of a batch of digits as one tensor (batch, channels, height, width). Channel 0 is
the liveness, the grey value in [0, 1]; the others are the state: communication channels, then output
channels, one for each class (the article: nine and ten). Dead cells have zero state.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ca.architecture import Architecture

# For each cell its class, from 0 on; or `undecided`, or `dead`.
Indices = NDArray[np.uint8]


def undecided(classes: int) -> int:
    """The index of an alive cell without a positive output, among the indices of so many classes."""
    return classes


def dead(classes: int) -> int:
    """The index of a dead cell."""
    return classes + 1


def alive(liveness: Tensor, architecture: Architecture) -> Tensor:
    """Which cells are alive: (...) grey values in [0, 1] -> (...) bool."""
    return liveness > architecture.alive_threshold


def newborn(liveness: Tensor, architecture: Architecture) -> Tensor:
    """Grid of digits with zero state: (batch, height, width) -> (batch, channels, height, width)."""
    grid = liveness.new_zeros(liveness.shape[0], architecture.channels, *liveness.shape[1:])
    grid[:, 0] = liveness
    return grid


def mutate(grid: Tensor, liveness: Tensor, architecture: Architecture) -> Tensor:
    """Replace the digits of a grid; the state stays where a cell is alive in both, elsewhere it is zero.

    Args:
        grid: (batch, channels, height, width)
        liveness: (batch, height, width), the new digits

    Returns:
        (batch, channels, height, width)
    """
    kept = alive(grid[:, 0], architecture) & alive(liveness, architecture)
    mutated = grid * kept.unsqueeze(1)
    mutated[:, 0] = liveness
    return mutated


def outputs(cells: Tensor, architecture: Architecture) -> Tensor:
    """The output channels, which come last.

    (batch, channels, height, width) or (cells, channels) -> `architecture.classes` channels.
    """
    return cells[:, -architecture.classes :]


def colour_indices(grid: Tensor, architecture: Architecture) -> Indices:
    """What each cell outputs: (batch, channels, height, width) -> (batch, height, width).

    A class from 0 on; `undecided` where an alive cell has no positive output; `dead` where it is dead.
    """
    best, index = outputs(grid, architecture).max(1)
    index[best <= 0] = undecided(architecture.classes)
    index[~alive(grid[:, 0], architecture)] = dead(architecture.classes)
    return index.byte().cpu().numpy()
