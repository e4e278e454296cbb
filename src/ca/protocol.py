"""The evaluation protocol: digits start from zero state, mutate, and are measured after every tick."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ca.cells import Indices, alive, colour_indices, mutate, newborn, outputs
from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import observe, random_draws
from ca.metrics import agreement, cell_accuracy, digit_accuracy
from ca.model import CellularAutomaton
from ca.parts import part_votes

METRICS = ("cell_accuracy", "agreement", "digit_accuracy")
DIGITS_AT_ONCE = 32  # few enough for the activations of a tick to stay in the CPU's cache
TICKS_AT_ONCE = 20


@dataclass(frozen=True)
class Measurements:
    """What was measured after each tick.

    Attributes:
        votes: (stages, ticks, digits, classes) alive cells of each digit that output each class
        labels: (stages, digits)
        mean_abs_state: (stages, ticks) over alive cells and state channels
        mean_abs_residual: (stages, ticks) the same for the residual, before noise, of cells that fired
        last_cells: (stages, digits, height, width) what cells output after the last tick of each stage, as
            `ca.cells.colour_indices` returns it
        last_part_votes: (stages, digits, parts, classes) votes of each part of each digit after the last tick
            of a stage; a part is what a chain of alive neighbours joins

    Example:
        >>> import ca
        >>> automaton, digits = ca.CellularAutomaton.from_pretrained(), ca.load_digits()[:9]
        >>> measured = ca.measure_automaton(automaton, digits, ticks=5, progress=False)
        >>> measured.votes.shape
        torch.Size([1, 5, 9, 10])
    """

    votes: Tensor
    labels: Tensor
    mean_abs_state: Tensor
    mean_abs_residual: Tensor
    last_cells: Indices
    last_part_votes: Tensor

    def curves(self) -> dict[str, list[float]]:
        """Every metric after every tick of all stages, as shares in [0, 1]."""
        labels = self.labels.unsqueeze(1).expand(self.votes.shape[:-1])
        curves = {
            "cell_accuracy": cell_accuracy(self.votes, labels),
            "agreement": agreement(self.votes),
            "digit_accuracy": digit_accuracy(self.votes, labels),
            "mean_abs_state": self.mean_abs_state,
            "mean_abs_residual": self.mean_abs_residual,
        }
        return {name: curve.flatten().tolist() for name, curve in curves.items()}


@torch.no_grad()
def measure(
    automaton: CellularAutomaton,
    digits: Digits,
    *,
    stages: int,
    ticks: int,
    generator: torch.Generator,
    advance: Callable[[int], object] = lambda digits: None,
) -> Measurements:
    """Roll out all digits; between two stages each mutates to another random digit of the set.

    Args:
        ticks: ticks of each stage
        generator: on the automaton's device
        advance: called with the number of digits done since the last call
    """
    architecture = automaton.architecture
    order = [torch.arange(len(digits), device=digits.labels.device)]
    for _ in range(1, stages):
        others = max(2, len(digits))  # a single digit has none: it mutates to itself
        step = torch.randint(1, others, (len(digits),), generator=generator, device=generator.device)
        order.append((order[-1] + step) % len(digits))
    votes = torch.zeros(stages, ticks, len(digits), architecture.classes, dtype=torch.int32)
    sums = torch.zeros(stages, ticks, 2, dtype=torch.float64)  # of absolute states and residuals
    counts = torch.zeros(stages, ticks, 2, dtype=torch.int64)  # of the numbers that were summed up
    part_votes_of: list[list[Tensor]] = [[] for _ in range(stages)]
    last_cells = np.empty((stages, *digits.images.shape), dtype=np.uint8)
    for start in range(0, len(digits), DIGITS_AT_ONCE):
        chunk = slice(start, min(start + DIGITS_AT_ONCE, len(digits)))
        grid = None
        for stage in range(stages):
            liveness = digits[order[stage][chunk]].liveness
            grid = newborn(liveness, architecture) if grid is None else mutate(grid, liveness, architecture)
            graph = CellGraph.of(liveness, architecture)
            cells = graph.gather(grid)
            for first in range(0, ticks, TICKS_AT_ONCE):
                some = slice(first, min(first + TICKS_AT_ONCE, ticks))
                draws = random_draws(graph, automaton, some.stop - first, generator)
                cells, seen = observe(automaton, graph, cells, draws)
                votes[stage, some, chunk] = seen.votes
                sums[stage, some] += torch.stack([seen.abs_state, seen.abs_residual], 1).cpu()
                counts[stage, some, 0] += graph.num_alive * architecture.state_channels
                counts[stage, some, 1] += torch.tensor(draws.counts) * architecture.state_channels
            grid = graph.scatter(cells, grid)
            last_cells[stage, chunk] = colour_indices(grid, architecture)
            living, last = alive(liveness, architecture), outputs(cells[: graph.num_alive], architecture)
            part_votes_of[stage].append(part_votes(living, last))
        advance(chunk.stop - chunk.start)
    means = sums / counts.clamp(min=1)
    labels = torch.stack([digits.labels[picked] for picked in order])
    last_part_votes = _stacked(part_votes_of)
    return Measurements(votes, labels.cpu(), means[..., 0], means[..., 1], last_cells, last_part_votes)


def _stacked(part_votes_of: list[list[Tensor]]) -> Tensor:
    """(stages, digits, parts, classes) of the chunks of digits (digits, parts, classes) of each stage."""
    most = max((chunk.shape[1] for chunks in part_votes_of for chunk in chunks), default=1)
    return torch.stack(
        [
            torch.cat([F.pad(chunk, (0, 0, 0, most - chunk.shape[1])) for chunk in chunks])
            for chunks in part_votes_of
        ]
    )


def metrics_at(curves: dict[str, list[float]], tick: int) -> dict[str, float]:
    """The three metrics after a tick, counted from 1."""
    return {name: curves[name][tick - 1] for name in METRICS}
