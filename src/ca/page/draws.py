"""The page's random draws in Python: which cells of a board fire in a tick, and their noise.

Each number is a function of seed, tick and cell. `web/rule/draws.js` draws the same numbers.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WEYL = np.uint32(0x9E3779B9)


def noise_pairs(state_channels: int) -> int:
    """Pairs of uniform numbers, of which the Box-Muller method makes as many pairs of normal ones."""
    return (state_channels + 1) // 2


def draws_per_cell(state_channels: int) -> int:
    """Numbers reserved for each cell in a tick: one that decides on firing, and those of the noise."""
    return 1 << (2 * noise_pairs(state_channels)).bit_length()


def page_draws(
    side: int, state_channels: int, *, seed: int, tick: int, fire_rate: float, noise: float
) -> tuple[Tensor, Tensor]:
    """The draws of a tick of a whole board.

    Returns:
        fire mask (1, side, side) bool and noise (1, state_channels, side, side) float32
    """
    key = _mix(_mix(np.array([seed], dtype=np.uint32)) + np.uint32(tick))
    cells = np.arange(side * side, dtype=np.uint32)[:, None]
    numbers = 1 + 2 * noise_pairs(state_channels)
    places = cells * np.uint32(draws_per_cell(state_channels)) + np.arange(numbers, dtype=np.uint32)
    draws = _mix(key + places * WEYL).astype(np.float64)
    fired = draws[:, 0] < fire_rate * 2**32
    radius = noise * np.sqrt(-2 * np.log((draws[:, 1::2] + 1) / 2**32))
    angle = 2 * np.pi * draws[:, 2::2] / 2**32
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(side * side, -1)
    normals = torch.from_numpy(pairs[:, :state_channels].T.reshape(1, state_channels, side, side))
    return torch.from_numpy(fired.reshape(1, side, side)), normals.float()


def _mix(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of 32-bit integers (C. Wellons' "lowbias32")."""
    mixed = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x735A2D97)
    return mixed ^ (mixed >> np.uint32(15))
