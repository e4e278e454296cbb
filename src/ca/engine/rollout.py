"""The engine: rollouts of the update rule, computed only for the cells that are alive and fire.

`CellularAutomaton.tick` defines the rule. Four engines compute it, each slower and more general than the one
before; `ca.engine.choice` takes the first that agrees with `tick`:

    native_backend   compiled kernel; float32 on the CPU
    torch_backend    PyTorch with a hand-written backward pass; any device and precision
    generic_backend  PyTorch's autograd through the automaton's own layers and activation
    generic_backend  the automaton's own `tick` on whole grids
"""

import torch
from torch import Tensor

from ca.engine.choice import engine_of
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.native_backend import available, native_draws
from ca.model import CellularAutomaton


def random_draws(
    graph: CellGraph,
    automaton: CellularAutomaton,
    ticks: int,
    generator: torch.Generator,
    fire_rate: float | None = None,
) -> RandomDraws:
    """Draw which alive cells fire in each tick, and their noise; a GPU's host waits for it only here.

    Args:
        generator: on the graph's device
        fire_rate: probability that a cell fires in a tick; None: the automaton's
    """
    fire_rate = automaton.fire_rate if fire_rate is None else fire_rate
    device, dtype = graph.batch.device, next(automaton.parameters()).dtype
    architecture = automaton.architecture
    if device.type == "cpu" and dtype == torch.float32 and available(architecture):
        return native_draws(architecture, ticks, graph.num_alive, fire_rate, generator)
    fires = torch.rand(ticks, graph.num_alive, generator=generator, device=device) < fire_rate
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), architecture.state_channels, device=device, dtype=dtype)
    noise.normal_(0, automaton.noise, generator=generator)
    return RandomDraws(fires, noise, counts)


def rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws) -> Tensor:
    """The cells after the ticks of `draws`.

    Args:
        cells: (rows + 1, channels)

    Returns:
        (rows + 1, channels), differentiable in `cells` and the parameters
    """
    return engine_of(automaton, cells).rollout(automaton, graph, cells, draws)


@torch.no_grad()
def observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """The same without gradients, and what was observed after each tick.

    Args:
        cells: (rows + 1, channels)

    Returns:
        (rows + 1, channels), and the observation
    """
    return engine_of(automaton, cells).observe(automaton, graph, cells, draws)
