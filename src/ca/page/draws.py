"""The page's random draws in Python: which cells of a board fire in a tick, and their noise.

Each number is a function of seed, tick and cell. `web/rule/draws.js` draws the same numbers.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.sizes import STATE_CHANNELS

WEYL = np.uint32(0x9E3779B9)
NOISE_PAIRS = (STATE_CHANNELS + 1) // 2  # the Box-Muller method makes two normal numbers of two uniform ones
DRAWS_PER_CELL = 1 << (2 * NOISE_PAIRS).bit_length()  # room for one that decides on firing, and for the noise


def page_draws(side: int, *, seed: int, tick: int, fire_rate: float, noise: float) -> tuple[Tensor, Tensor]:
    """Fire mask (1, side, side) bool and noise (1, 19, side, side) float32 of a tick of a whole board."""
    key = _mix(_mix(np.array([seed], dtype=np.uint32)) + np.uint32(tick))
    cells = np.arange(side * side, dtype=np.uint32)[:, None]
    places = cells * np.uint32(DRAWS_PER_CELL) + np.arange(1 + 2 * NOISE_PAIRS, dtype=np.uint32)
    draws = _mix(key + places * WEYL).astype(np.float64)
    fired = draws[:, 0] < fire_rate * 2**32
    radius = noise * np.sqrt(-2 * np.log((draws[:, 1::2] + 1) / 2**32))
    angle = 2 * np.pi * draws[:, 2::2] / 2**32
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(side * side, -1)
    normals = torch.from_numpy(pairs[:, :STATE_CHANNELS].T.reshape(1, STATE_CHANNELS, side, side))
    return torch.from_numpy(fired.reshape(1, side, side)), normals.float()


def _mix(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of 32-bit integers (C. Wellons' "lowbias32")."""
    mixed = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x735A2D97)
    return mixed ^ (mixed >> np.uint32(15))
