"""The page's randomness, drawn in Python: which cells of a board fire in a tick, and their noise.

Every number is a function of (seed, tick, cell), as in `page/web/rule/draws.js`, which says how.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.cells import STATE_CHANNELS

WEYL = np.uint32(0x9E3779B9)
PLACES = 32


def page_draws(side: int, *, seed: int, tick: int, fire_rate: float, noise: float) -> tuple[Tensor, Tensor]:
    """Fire mask (1, side, side) bool and noise (1, 19, side, side) float32 of a tick of a whole board."""
    key = _mix(_mix(np.array([seed], dtype=np.uint32)) + np.uint32(tick))
    places = np.arange(side * side, dtype=np.uint32)[:, None] * np.uint32(PLACES) + np.arange(
        21, dtype=np.uint32
    )
    draws = _mix(key + places * WEYL).astype(np.float64)
    fired = draws[:, 0] < fire_rate * 2**32
    radius = noise * np.sqrt(-2 * np.log((draws[:, 1::2] + 1) / 2**32))
    angle = 2 * np.pi * draws[:, 2::2] / 2**32
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(side * side, 20)
    normals = torch.from_numpy(pairs[:, :STATE_CHANNELS].T.reshape(1, STATE_CHANNELS, side, side))
    return torch.from_numpy(fired.reshape(1, side, side)), normals.float()


def _mix(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of 32-bit integers (C. Wellons' "lowbias32")."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x735A2D97)
    return x ^ (x >> np.uint32(15))
