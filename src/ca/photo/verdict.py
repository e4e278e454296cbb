"""What the cells say about each digit, tick by tick, and how sure that is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.cells import newborn
from ca.engine.graph import CellGraph
from ca.engine.rollout import observe, random_draws
from ca.metrics import agreeing
from ca.model import CellularAutomaton

# Ticks of the first agreement. Of the 5,000 held-out training digits, 99.8 % are right of those that first
# agree by tick 40, 94 % from 41 to 60, 85 % later or never. The test digits are in docs/classify.md.
SURE, FAIRLY_SURE = 40, 60


@dataclass(frozen=True)
class Verdict:
    """What the cells of a digit output after the last tick.

    Attributes:
        digit: the class that most cells output
        votes: (10,) number of cells that output each class
        agreed_at: the first tick after which all cells output the same class, if that class is `digit`
    """

    digit: int
    votes: tuple[int, ...]
    agreed_at: int | None

    @property
    def sureness(self) -> str:
        """How sure it is, in words."""
        if self.agreed_at is None or self.agreed_at > FAIRLY_SURE:
            return "unsure"
        return "sure" if self.agreed_at <= SURE else "fairly sure"


@torch.no_grad()
def watch(
    automaton: CellularAutomaton, images: NDArray[np.uint8], ticks: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Roll out digits from zero state.

    Args:
        images: (digits, height, width), 255 is full ink
        generator: on the automaton's device

    Yields:
        after each tick, the grid (digits, channels, height, width) and the votes (digits, 10)
    """
    liveness = torch.from_numpy(images).to(generator.device).float() / 255
    architecture = automaton.architecture
    graph, grid = CellGraph.of(liveness, architecture), newborn(liveness, architecture)
    cells = graph.gather(grid)
    for _ in range(ticks):
        cells, seen = observe(automaton, graph, cells, random_draws(graph, automaton, 1, generator))
        grid = graph.scatter(cells, grid)
        yield grid, seen.votes[0]


def verdicts(votes: Tensor) -> list[Verdict]:
    """The verdict on each digit: (ticks, digits, 10) votes after each tick -> one for each digit."""
    agreed = agreeing(votes)
    first = agreed.int().argmax(0)
    return [
        Verdict(
            digit=int(last.argmax()),
            votes=tuple(last.tolist()),
            agreed_at=int(tick) + 1
            if agreed[tick, number] and votes[tick, number].argmax() == last.argmax()
            else None,
        )
        for number, (tick, last) in enumerate(zip(first, votes[-1], strict=True))
    ]
