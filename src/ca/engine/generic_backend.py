"""Engines for automata whose rule the fast engines don't know: autograd does the backward pass.

Dead cells have zero state after every tick, and liveness never changes, whatever an automaton's `tick` does.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.architecture import TAPS, Architecture
from ca.cells import outputs
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.metrics import count_votes
from ca.model import CellularAutomaton

# One tick: cells (rows + 1, channels), rows that fire (fired,), their noise (fired, state channels) -> cells
Step = Callable[[Tensor, Tensor, Tensor], Tensor]


def layers_rollout(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> Tensor:
    """As `ca.engine.rollout.rollout`, through the automaton's layers and activation."""
    return roll_out(_layers_step(automaton, graph), cells, draws)


def layers_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`, through the automaton's layers and activation."""
    return observe_each(_layers_step(automaton, graph), automaton.architecture, graph, cells, draws)


def tick_rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws) -> Tensor:
    """As `ca.engine.rollout.rollout`, by the automaton's `tick` on whole grids."""
    return roll_out(_tick_step(automaton, graph, cells), cells, draws)


def tick_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`, by the automaton's `tick` on whole grids."""
    return observe_each(_tick_step(automaton, graph, cells), automaton.architecture, graph, cells, draws)


def _layers_step(automaton: CellularAutomaton, graph: CellGraph) -> Step:
    def step(cells: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        taps = graph.neighbours.index_select(0, fired).flatten()
        values = cells.index_select(0, taps).view(len(fired), TAPS * cells.shape[1])
        *others, residual = automaton.layers
        for layer in others:
            values = automaton.activation(layer(values))
        return cells.index_add(0, fired, F.pad(residual(values) + noise, (1, 0)))

    return step


def _tick_step(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor) -> Step:
    height, width = graph.size
    blank = cells.new_zeros(graph.num_digits, cells.shape[1], height, width)
    blank[graph.batch, 0, graph.y, graph.x] = cells[:-1, 0].detach()  # faint cells too

    def step(cells: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        digit, y, x = graph.batch[fired], graph.y[fired], graph.x[fired]
        fires = torch.zeros(blank[:, 0].shape, dtype=torch.bool, device=cells.device)
        fires[digit, y, x] = True
        added = torch.zeros_like(blank[:, 1:])
        added[digit, :, y, x] = noise
        after = graph.gather(automaton.tick(graph.scatter(cells, blank), fires, added))
        living = graph.num_alive
        return torch.cat([cells[:, :1], torch.cat([after[:living, 1:], cells[living:, 1:]])], dim=1)

    return step


def roll_out(step: Step, cells: Tensor, draws: RandomDraws) -> Tensor:
    """The cells (rows + 1, channels) after a step for each tick of the draws."""
    for fired, noise in draws.by_tick():
        cells = step(cells, fired, noise)
    return cells


def observe_each(
    step: Step, architecture: Architecture, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """The same, and what was observed after each step."""
    digit = graph.batch[: graph.num_alive]
    votes, sums = [], []
    for fired, noise in draws.by_tick():
        before = cells
        cells = step(cells, fired, noise)
        living = cells[: graph.num_alive]
        residual = (cells[fired] - before[fired])[:, 1:] - noise
        votes.append(count_votes(outputs(living, architecture), digit, graph.num_digits))
        sums.append(torch.stack([living[:, 1:].abs().sum(), residual.abs().sum()]))
    abs_state, abs_residual = torch.stack(sums).cpu().double().unbind(1)  # MPS has no float64
    return cells, Observation(torch.stack(votes), abs_state, abs_residual)
