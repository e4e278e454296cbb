"""A rollout that is filmed: digits classify themselves, mutate, and change their minds."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ca.cells import colour_indices, mutate, newborn, outputs
from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Board, Mosaic, majorities
from ca.evaluate.scene import Scene
from ca.evaluate.views import ChannelView, ClassView
from ca.metrics import agreement, cell_accuracy, count_votes, digit_accuracy
from ca.model import CellularAutomaton
from ca.render.pictures import Picture
from ca.settings.commands import EvaluateSettings


@dataclass
class Recording:
    """A rollout and its looks: `frames` yields a picture a tick, `results` fills with a line a stage."""

    automaton: CellularAutomaton
    digits: Digits
    view: ClassView | ChannelView
    layout: Mosaic | Board
    style: FrameStyle
    settings: EvaluateSettings
    generator: torch.Generator
    results: list[str] = field(default_factory=list)

    @torch.no_grad()
    def frames(self) -> Iterator[Picture]:
        """The start, then a frame after every tick; the digits mutate where a stage starts."""
        grid, tick = None, 0
        for stage in range(self.settings.n_stages):
            scene = self.layout.next_scene(self.digits, self.generator)
            grid = newborn(scene.liveness) if grid is None else mutate(grid, scene.liveness)
            if stage == 0:
                yield self._frame(grid, scene, tick)
            graph = CellGraph.of(scene.liveness)
            cells = graph.gather(grid)
            for _ in range(self.settings.n_steps_per_stage):
                draws = random_draws(graph, self.automaton, 1, self.generator)
                cells = rollout(self.automaton, graph, cells, draws)
                grid, tick = graph.scatter(cells, grid), tick + 1
                yield self._frame(grid, scene, tick)
            votes = count_votes(outputs(cells[: graph.num_alive]), scene.owners(graph), len(scene.labels))
            self.results.append(
                f"stage {stage + 1}, tick {tick}: {_in_words(votes.cpu(), scene.labels.cpu())}"
            )

    def _frame(self, grid: Tensor, scene: Scene, tick: int) -> Picture:
        captions, note = [], ""
        if self.style.heading:
            labels = scene.labels.tolist()
            majority = majorities(colour_indices(grid), scene.owner.cpu().numpy(), len(labels))
            captions = [f"{label}: {most}" for label, most in zip(labels, majority, strict=True)]
            if len(labels) == 1:
                note = f"label {labels[0]}    majority {majority[0]}"
            elif self.layout.letters:
                note = "above each digit  label: majority (share of cells)"
        return self.style.frame(self.layout.compose(self.view.paint(grid), captions), tick, note)


def _in_words(votes: Tensor, labels: Tensor) -> str:
    return (
        f"cell accuracy {cell_accuracy(votes, labels):.1%}, agreement {agreement(votes):.1%}, "
        f"digit accuracy {digit_accuracy(votes, labels):.1%}"
    )
