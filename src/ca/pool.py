"""The pool: samples whose states persist between training steps, so that the automaton learns to stay stable.

A batch is drawn without replacement, part of it gets new digits, and its final states are written back by
index (article, "Experiment 1: Self-classify, persist and mutate"; the notebook's training loop).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ca.architecture import Architecture
from ca.cells import mutate, newborn
from ca.data.source import DigitSource
from ca.engine.graph import CellGraph
from ca.settings.choices import Regime


@dataclass(frozen=True)
class Batch:
    """The samples of one training step.

    Attributes:
        grid: (batch, channels, height, width)
        labels: (batch,) int64
        indices: (batch,) int64, of the samples in the pool
    """

    grid: Tensor
    labels: Tensor
    indices: Tensor


class Pool:
    """Samples that persist.

    Args:
        source: of fresh digits; the pool is on their device
        size: number of samples
        generator: on the CPU; draws digits and batches
        architecture: of the automaton that is trained

    Attributes:
        grid: (size, channels, height, width) float32
        labels: (size,) int64
    """

    def __init__(
        self,
        source: DigitSource,
        size: int,
        regime: Regime,
        generator: torch.Generator,
        architecture: Architecture,
    ) -> None:
        self.source = source
        self.regime = regime
        self.generator = generator
        self.architecture = architecture
        new = source.draw(size, generator)
        self.labels = new.labels
        # Channels last in memory, because the engine reads all channels of a cell together.
        self.grid = newborn(new.liveness, architecture).contiguous(memory_format=torch.channels_last)

    def draw(self, batch_size: int) -> Batch:
        """Draw a batch without replacement, after giving part of it new digits, as the regime demands."""
        indices = torch.randperm(len(self.labels), generator=self.generator)[:batch_size]
        indices = indices.to(self.labels.device)
        quarter = batch_size // 4
        first, last = indices[:quarter], indices[batch_size - quarter :]
        renewed = indices if self.regime == "naive" else torch.cat([first, last])
        new = self.source.draw(len(renewed), self.generator)
        liveness, self.labels[renewed] = new.liveness, new.labels
        if self.regime == "mutating":
            self.grid[first] = newborn(liveness[:quarter], self.architecture)
            self.grid[last] = mutate(self.grid[last], liveness[quarter:], self.architecture)
        else:
            self.grid[renewed] = newborn(liveness, self.architecture)
        grid = self.grid.movedim(1, -1).index_select(0, indices).movedim(-1, 1)
        return Batch(grid, self.labels[indices], indices)

    def write_back(self, batch: Batch, graph: CellGraph, cells: Tensor) -> None:
        """Write the final states of a batch into the pool.

        Args:
            graph: of the batch
            cells: (rows + 1, channels), after the ticks
        """
        living = slice(graph.num_alive)
        sample = batch.indices[graph.batch[living]]
        self.grid[sample, :, graph.y[living], graph.x[living]] = cells[living]
