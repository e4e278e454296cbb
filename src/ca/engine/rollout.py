"""The engine: the update rule computed for the cells that are alive and fire.

For the same fire masks and noise it equals `CellularAutomaton.tick` in values and gradients, on any grid size
and any device. There are two: a compiled one for float32 on the processor (`ca.native`), and one in PyTorch
for all else.
"""

import torch
from torch import Tensor

from ca.cells import STATE_CHANNELS
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.kernel.build import library
from ca.engine.native_backend import native_draws, native_observe, native_rollout, serves
from ca.engine.torch_backend import torch_observe, torch_rollout
from ca.model import CellularAutomaton


def random_draws(
    graph: CellGraph, automaton: CellularAutomaton, ticks: int, generator: torch.Generator
) -> RandomDraws:
    """Draw which alive cells fire in each tick, and their noise; a GPU's host waits for it only here.

    Args:
        generator: on the graph's device
    """
    device, dtype = graph.batch.device, automaton.residual.bias.dtype
    if device.type == "cpu" and dtype == torch.float32 and library() is not None:
        return native_draws(ticks, graph.num_alive, automaton.fire_rate, automaton.noise, generator)
    fires = torch.rand(ticks, graph.num_alive, generator=generator, device=device) < automaton.fire_rate
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), STATE_CHANNELS, device=device, dtype=dtype)
    noise.normal_(0, automaton.noise, generator=generator)
    return RandomDraws(fires, noise, counts)


def rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws) -> Tensor:
    """The cells after the ticks that `draws` holds.

    Args:
        cells: (rows + 1, 20)

    Returns:
        (rows + 1, 20), differentiable in `cells` and the parameters
    """
    weights = tuple(automaton.parameters())
    roll = native_rollout if serves(cells, weights) else torch_rollout
    return roll(cells, graph, draws, weights)


@torch.no_grad()
def observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws, num_digits: int
) -> tuple[Tensor, Observation]:
    """The same without gradients, and what was seen of so many digits after each tick.

    Args:
        cells: (rows + 1, 20)

    Returns:
        (rows + 1, 20), and the observation
    """
    weights = tuple(automaton.parameters())
    if serves(cells, weights):
        return native_observe(cells, graph, draws, weights)
    return torch_observe(cells, graph, draws, weights, num_digits)
