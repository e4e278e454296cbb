"""The engine: the update rule computed for the cells that are alive and fire.

For the same fire masks and noise it equals `CellularAutomaton.tick` in values and gradients, on any grid size
and any device. There are two: a compiled one for float32 on the processor (`ca.native`), and one in PyTorch
for all else.
"""

from torch import Tensor

from ca.cell_graph import CellGraph, Chance
from ca.model import CellularAutomaton
from ca.native.rollout import native_rollout, serves
from ca.torch_engine import torch_rollout


def rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, chance: Chance) -> Tensor:
    """Apply the update rule once for each tick of `chance`.

    Args:
        cells: (rows + 1, 20) from `CellGraph.gather`; left as it is

    Returns:
        (rows + 1, 20), differentiable in `cells` and the parameters
    """
    weights = tuple(automaton.parameters())
    roll = native_rollout if serves(cells, weights) else torch_rollout
    return roll(cells, graph, chance, weights)
