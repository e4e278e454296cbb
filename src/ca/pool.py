"""The pool: samples that persist between training steps, so that the automaton learns to persist too.

A batch is drawn without replacement, half of it is renewed, and its final states are written back by
index (article, "Experiment 1: Self-classify, persist and mutate"; the notebook's training loop).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ca.cells import mutate, newborn
from ca.digits import Digits
from ca.settings import Regime


@dataclass(frozen=True)
class Batch:
    """Samples for one training step.

    Attributes:
        grid: (batch, 20, height, width)
        labels: (batch,) int64
        indices: (batch,) places in the pool, None for samples that will not return
    """

    grid: Tensor
    labels: Tensor
    indices: Tensor | None


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
        """A batch for the next step, without replacement, renewed as the regime says."""
        if self.regime == "naive":
            liveness, labels = self._fresh_digits(batch_size)
            return Batch(newborn(liveness), labels, None)
        quarter = batch_size // 4
        first, last = slice(0, quarter), slice(batch_size - quarter, batch_size)
        indices = torch.randperm(len(self.labels), generator=self.generator)[:batch_size]
        indices = indices.to(self.labels.device)
        grid, labels = self.grid[indices], self.labels[indices]
        liveness, labels[first] = self._fresh_digits(quarter)
        grid[first] = newborn(liveness)
        liveness, labels[last] = self._fresh_digits(quarter)
        grid[last] = mutate(grid[last], liveness) if self.regime == "mutating" else newborn(liveness)
        return Batch(grid, labels, indices)

    def write_back(self, batch: Batch, grid: Tensor) -> None:
        """Keep the batch's final states, (batch, 20, height, width), for later steps."""
        if batch.indices is not None:
            self.grid[batch.indices] = grid
            self.labels[batch.indices] = batch.labels

    def _fresh_digits(self, count: int) -> tuple[Tensor, Tensor]:
        picked = torch.randint(len(self.digits), (count,), generator=self.generator)
        fresh = self.digits[picked.to(self.digits.labels.device)]
        return fresh.liveness, fresh.labels
