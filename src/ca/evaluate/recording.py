"""The rollout of a video: the cells after every tick, and their metrics."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ca.architecture import Architecture
from ca.cells import alive, mutate, newborn, outputs
from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.evaluate.layouts import Layout
from ca.evaluate.scene import Scene
from ca.metrics import agreement, cell_accuracy, count_votes, digit_accuracy
from ca.model import CellularAutomaton


@dataclass(frozen=True)
class Moment:
    """The cells after a tick.

    Attributes:
        tick: number of ticks so far
        grid: (batch, channels, height, width)
        scene: the digits on the grid
    """

    tick: int
    grid: Tensor
    scene: Scene


@torch.no_grad()
def record(
    automaton: CellularAutomaton,
    digits: Digits,
    layout: Layout,
    *,
    stages: int,
    ticks: int,
    generator: torch.Generator,
) -> Iterator[Moment]:
    """Roll out digits that mutate between stages; yield the start, then the cells after every tick.

    Args:
        digits: those that the layout chooses from, on the automaton's device
        ticks: ticks in a stage
        generator: on the automaton's device
    """
    architecture = automaton.architecture
    scene = layout.next_scene(digits, generator)
    grid, tick = newborn(scene.liveness, architecture), 0
    yield Moment(tick, grid, scene)
    for stage in range(stages):
        if stage > 0:
            scene = layout.next_scene(digits, generator)
            grid = mutate(grid, scene.liveness, architecture)
        graph = CellGraph.of(scene.liveness, architecture)
        cells = graph.gather(grid)
        for _ in range(ticks):
            draws = random_draws(graph, automaton, 1, generator)
            cells = rollout(automaton, graph, cells, draws)
            grid, tick = graph.scatter(cells, grid), tick + 1
            yield Moment(tick, grid, scene)


def metrics_line(moment: Moment, architecture: Architecture) -> str:
    """Cell accuracy, agreement and digit accuracy of a moment, as text."""
    grid, scene = moment.grid, moment.scene
    living = alive(grid[:, 0], architecture)
    cells = outputs(grid, architecture).movedim(1, -1)[living]  # (cells, classes)
    votes, labels = count_votes(cells, scene.owner[living], len(scene.labels)).cpu(), scene.labels.cpu()
    return (
        f"cell accuracy {cell_accuracy(votes, labels):.1%}, agreement {agreement(votes):.1%}, "
        f"digit accuracy {digit_accuracy(votes, labels):.1%}"
    )
