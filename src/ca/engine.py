"""The engine: the update rule computed for the cells that are alive and fire.

For the same fire masks and noise it equals `CellularAutomaton.tick` in values and gradients, on any grid size
and any device. There are two: a compiled one for float32 on the processor (`ca.native`), and one in PyTorch
for all else.
"""

import torch
from torch import Tensor

from ca.cell_graph import CellGraph, Chance, Observation
from ca.model import CellularAutomaton
from ca.native.rollout import native_observe, native_rollout, serves
from ca.torch_engine import torch_observe, torch_rollout


def rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, chance: Chance) -> Tensor:
    """The cells after the ticks that `chance` holds.

    Args:
        cells: (rows + 1, 20)

    Returns:
        (rows + 1, 20), differentiable in `cells` and the parameters
    """
    weights = tuple(automaton.parameters())
    roll = native_rollout if serves(cells, weights) else torch_rollout
    return roll(cells, graph, chance, weights)


@torch.no_grad()
def observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, chance: Chance, num_digits: int
) -> tuple[Tensor, Observation]:
    """The same without gradients, and what was seen of so many digits after each tick.

    Args:
        cells: (rows + 1, 20)

    Returns:
        (rows + 1, 20), and the observation
    """
    weights = tuple(automaton.parameters())
    see = native_observe if serves(cells, weights) else torch_observe
    return see(cells, graph, chance, weights, num_digits)
