"""The update rule that the page computes, in NumPy, and the refusal of automata with another rule.

It is written independently of `ca.model`, as `web/rule/` is, so that a rule that was changed in Python
alone is noticed before a page shows something else.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.architecture import TAPS, Architecture
from ca.model import CellularAutomaton
from ca.system.errors import FailedError

TOLERANCE = 1e-6  # relative to the largest channel; both sides compute in float64

Array = NDArray[np.float64]


def refuse_other_sizes(automaton: CellularAutomaton) -> None:
    """Refuse an automaton whose tensors are not those that the page reads.

    Raises:
        FailedError: a tensor is missing, unknown or of another shape
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in automaton.state_dict().items()}
    read: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, width) in automaton.architecture.layers.items():
        read |= {f"{layer}.weight": (width, inputs), f"{layer}.bias": (width,)}
    for name in {**read, **shapes}:
        if shapes.get(name) != read.get(name):
            raise FailedError(
                f"can't make a page of this {type(automaton).__name__}: its {name} is "
                f"{shapes.get(name, 'missing')}, and the page reads {read.get(name, 'no such tensor')}"
            )


@torch.no_grad()
def refuse_other_rule(automaton: CellularAutomaton, grids: Tensor) -> None:
    """Refuse an automaton whose `tick` differs from the page's rule on some grids, when all cells fire.

    Args:
        automaton: in float64
        grids: (batch, channels, height, width) float64

    Raises:
        FailedError: it differs
    """
    noise = torch.full_like(grids[:, 1:], 0.01)
    fired = torch.ones_like(grids[:, 0], dtype=torch.bool)
    weights = {name: tensor.numpy() for name, tensor in automaton.state_dict().items()}
    for found, grid, spread in zip(automaton.tick(grids, fired, noise), grids, noise, strict=True):
        expected = page_tick(automaton.architecture, weights, grid.numpy(), spread.numpy())
        difference = np.abs(found.numpy() - expected).max()
        if difference > TOLERANCE * max(1, np.abs(expected).max()):
            raise FailedError(
                f"can't make a page of this {type(automaton).__name__}: the page computes another rule, one "
                f"tick of which differs by {difference:.2g} (ca/page/rule.py and ca/page/web/rule define it)"
            )


def page_tick(architecture: Architecture, weights: Mapping[str, Array], grid: Array, noise: Array) -> Array:
    """A tick in which all alive cells fire.

    grid (channels, height, width), noise (state channels, height, width) -> grid after it
    """
    side = math.isqrt(TAPS)
    padded = np.pad(grid, ((0, 0), (side // 2, side // 2), (side // 2, side // 2)))
    squares = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    alive = grid[0] > architecture.alive_threshold
    x = squares[:, alive].transpose(1, 2, 3, 0).reshape(-1, TAPS * len(grid))
    *hidden, last = architecture.layers
    for layer in hidden:
        x = np.maximum(x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"], 0)
    residual = x @ weights[f"{last}.weight"].T + weights[f"{last}.bias"]
    after = grid.copy()
    after[1:, alive] += residual.T + noise[:, alive]
    return after
