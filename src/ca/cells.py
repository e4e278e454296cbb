"""What a cell is: channels, liveness, classes, start state and mutation.

A grid holds the cells of a batch of digits as one tensor (batch, channels, height, width). Channel 0 is
the liveness, the grey value in [0, 1]; channels 1-19 are the state: nine communication channels, then
ten output channels, one for each class. Dead cells have zero state.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ca.sizes import ALIVE_THRESHOLD, CHANNELS, NUM_CLASSES

UNDECIDED, DEAD = NUM_CLASSES, NUM_CLASSES + 1  # indices of cells that output no class

Indices = NDArray[np.uint8]  # a class, UNDECIDED or DEAD for each cell


def alive(liveness: Tensor) -> Tensor:
    """Which cells are alive: (...) grey values in [0, 1] -> (...) bool."""
    return liveness > ALIVE_THRESHOLD


def newborn(liveness: Tensor) -> Tensor:
    """Grid of digits with zero state: (batch, height, width) -> (batch, channels, height, width)."""
    grid = liveness.new_zeros(liveness.shape[0], CHANNELS, *liveness.shape[1:])
    grid[:, 0] = liveness
    return grid


def mutate(grid: Tensor, liveness: Tensor) -> Tensor:
    """Replace the digits of a grid; the state stays where a cell is alive in both, elsewhere it is zero.

    Args:
        grid: (batch, channels, height, width)
        liveness: (batch, height, width), the new digits

    Returns:
        (batch, channels, height, width)
    """
    kept = alive(grid[:, 0]) & alive(liveness)
    mutated = grid * kept.unsqueeze(1)
    mutated[:, 0] = liveness
    return mutated


def outputs(cells: Tensor) -> Tensor:
    """The ten output channels, which come last: (batch, 20, height, width) or (cells, 20) -> 10 channels."""
    return cells[:, -NUM_CLASSES:]


def colour_indices(grid: Tensor) -> Indices:
    """What each cell outputs: (batch, 20, height, width) -> (batch, height, width).

    A class 0-9; `UNDECIDED` where an alive cell has no positive output; `DEAD` where it is dead.
    """
    best, index = outputs(grid).max(1)
    index[best <= 0] = UNDECIDED
    index[~alive(grid[:, 0])] = DEAD
    return index.byte().cpu().numpy()
