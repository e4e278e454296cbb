"""The pool: samples that persist between training steps, so that the automaton learns to persist too.

A batch is drawn without replacement, part of it is renewed, and its final states are written back by
index (article, "Experiment 1: Self-classify, persist and mutate"; the notebook's training loop).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ca.cells import mutate, newborn
from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.settings.choices import Regime


@dataclass(frozen=True)
class Batch:
    """Samples for one training step.

    Attributes:
        grid: (batch, 20, height, width)
        labels: (batch,) int64
        indices: (batch,) places in the pool
    """

    grid: Tensor
    labels: Tensor
    indices: Tensor


class Pool:
    """Samples that persist: `grid` (size, 20, height, width) and `labels` (size,).

    Args:
        digits: where samples come from, on the device where the pool lives
        generator: of the CPU; draws digits and batches
    """

    def __init__(self, digits: Digits, size: int, regime: Regime, generator: torch.Generator) -> None:
        self.digits = digits
        self.regime = regime
        self.generator = generator
        liveness, self.labels = self._fresh_digits(size)
        # Channels last: the engine takes a cell's channels together.
        self.grid = newborn(liveness).contiguous(memory_format=torch.channels_last)

    def draw(self, batch_size: int) -> Batch:
        """A batch for the next step, without replacement, after some of it was renewed as the regime says."""
        indices = torch.randperm(len(self.labels), generator=self.generator)[:batch_size]
        indices = indices.to(self.labels.device)
        quarter = batch_size // 4
        first, last = indices[:quarter], indices[batch_size - quarter :]
        renewed = indices if self.regime == "naive" else torch.cat([first, last])
        liveness, self.labels[renewed] = self._fresh_digits(len(renewed))
        if self.regime == "mutating":
            self.grid[first] = newborn(liveness[:quarter])
            self.grid[last] = mutate(self.grid[last], liveness[quarter:])
        else:
            self.grid[renewed] = newborn(liveness)
        grid = self.grid.movedim(1, -1).index_select(0, indices).movedim(-1, 1)
        return Batch(grid, self.labels[indices], indices)

    def write_back(self, batch: Batch, graph: CellGraph, cells: Tensor) -> None:
        """Keep the final states of a batch's cells, (rows + 1, 20), for later steps."""
        living = slice(graph.num_alive)
        sample = batch.indices[graph.batch[living]]
        self.grid[sample, :, graph.y[living], graph.x[living]] = cells[living]

    def _fresh_digits(self, count: int) -> tuple[Tensor, Tensor]:
        picked = torch.randint(len(self.digits), (count,), generator=self.generator)
        fresh = self.digits[picked.to(self.digits.labels.device)]
        return fresh.liveness, fresh.labels
