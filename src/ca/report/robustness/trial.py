"""What automata are put through under one condition, and how they do."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ca.cells import mutate, newborn, outputs
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.metrics import agreement, count_votes
from ca.model import CellularAutomaton
from ca.protocol import DIGITS_AT_ONCE, TICKS_AT_ONCE


@dataclass(frozen=True)
class Stage:
    """Boards for a number of ticks. Cells that were alive in the stage before keep their state.

    Attributes:
        boards: (boards, height, width) uint8
        push: standard deviation of Gaussian noise that is added to the state of alive cells at the start
    """

    boards: Tensor
    ticks: int
    push: float = 0.0


@dataclass(frozen=True)
class Trial:
    """Stages one after another. What cells output after the last tick is measured.

    Attributes:
        labels: (digits, right answers) int64 classes; mostly there is one right answer
        owners: (boards, height, width) int64, the digit that each cell of the last stage's boards belongs to;
            None: each board is one digit
        fire_rate, noise: of the rollout; None: the automaton's own
    """

    stages: tuple[Stage, ...]
    labels: Tensor
    owners: Tensor | None = None
    fire_rate: float | None = None
    noise: float | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """Shares in [0, 1], as in `ca.metrics`; with several right answers any of them counts as right."""

    digit_accuracy: float
    cell_accuracy: float
    agreement: float


@torch.no_grad()
def count_answers(automaton: CellularAutomaton, trial: Trial, generator: torch.Generator) -> Tensor:
    """Roll out a trial: how many cells output each class after the last tick, (digits, 10) on the CPU.

    Args:
        generator: on the automaton's device
    """
    fire_rate = automaton.fire_rate if trial.fire_rate is None else trial.fire_rate
    noise = automaton.noise if trial.noise is None else trial.noise
    with _changed(automaton, fire_rate, noise):
        votes = [
            _votes(automaton, trial, slice(start, start + DIGITS_AT_ONCE), generator)
            for start in range(0, len(trial.stages[0].boards), DIGITS_AT_ONCE)
        ]
    return torch.stack(votes).sum(0)


def score(automaton: CellularAutomaton, trial: Trial, generator: torch.Generator) -> Score:
    """Roll out a trial and measure its last tick.

    Args:
        generator: on the automaton's device
    """
    votes = count_answers(automaton, trial, generator)
    cells = votes.sum(1)
    right = votes.gather(1, trial.labels).sum(1)
    answered = (votes.argmax(1, keepdim=True) == trial.labels).any(1) & (cells > 0)
    return Score(
        digit_accuracy=answered.double().mean().item(),
        cell_accuracy=right.sum().item() / max(1, int(cells.sum())),
        agreement=agreement(votes).item(),
    )


def _votes(automaton: CellularAutomaton, trial: Trial, some: slice, generator: torch.Generator) -> Tensor:
    """Votes after the last tick (digits, 10) on the CPU, of the cells of some of the boards."""
    device, architecture, grid = generator.device, automaton.architecture, None
    for stage in trial.stages:
        liveness = stage.boards[some].to(device).float() / 255
        grid = newborn(liveness, architecture) if grid is None else mutate(grid, liveness, architecture)
        graph = CellGraph.of(liveness, architecture)
        cells = graph.gather(grid)
        living = slice(graph.num_alive)
        if stage.push:
            cells[living, 1:] += stage.push * torch.randn(
                graph.num_alive, cells.shape[1] - 1, generator=generator, device=device
            )
        for first in range(0, stage.ticks, TICKS_AT_ONCE):
            draws = random_draws(graph, automaton, min(TICKS_AT_ONCE, stage.ticks - first), generator)
            cells = rollout(automaton, graph, cells, draws)
        grid = graph.scatter(cells, grid)
    board, y, x = graph.batch[living].cpu(), graph.y[living].cpu(), graph.x[living].cpu()
    digit = board + some.start if trial.owners is None else trial.owners[board + some.start, y, x]
    return count_votes(outputs(cells[living], architecture).cpu(), digit, len(trial.labels))


@contextmanager
def _changed(automaton: CellularAutomaton, fire_rate: float, noise: float) -> Generator[None]:
    """Give an automaton another fire rate and noise within the `with` block."""
    before = automaton.fire_rate, automaton.noise
    automaton.fire_rate, automaton.noise = fire_rate, noise
    try:
        yield
    finally:
        automaton.fire_rate, automaton.noise = before
