"""The alive-only engine: the update rule computed for the cells that are alive and fire.

A digit has about 137 alive cells of 784, and half of them fire in a tick: the dense rule does eleven
times the work needed. Here the cells of a whole batch are the rows of one matrix:

    cells       (rows + 1, 20)  liveness and state; the last row is zero, the dead neighbour
    neighbours  (rows, 9)       the rows of each cell's 3x3 surroundings

and a tick is a gather of the fired cells' neighbours (fired, 9 * 20), three matrix products, and an
addition to the fired rows. For the same fire masks and noise it equals `CellularAutomaton.tick` in
values and gradients, on any grid size and any device.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ca.cells import CHANNELS, STATE_CHANNELS, alive
from ca.model import TAPS, CellularAutomaton

_relu_backward = torch.ops.aten.threshold_backward  # ten times faster than a product with a mask


@dataclass(frozen=True)
class CellGraph:
    """Which pixels of a batch of digits are rows, and which rows are neighbours.

    Alive cells come first, then the dead ones that have a little ink: those never change, but their
    neighbours see their liveness. Pixels without ink have no row of their own.

    Attributes:
        batch, y, x: (rows,) where each row's pixel lies
        num_alive: how many of the rows are alive
        neighbours: (rows, 9) rows of the 3x3 surroundings, row by row; `rows` for a pixel without a row
    """

    batch: Tensor
    y: Tensor
    x: Tensor
    num_alive: int
    neighbours: Tensor

    @classmethod
    def of(cls, liveness: Tensor) -> "CellGraph":
        """The graph of a batch of digits: (batch, height, width) grey values in [0, 1]."""
        living = alive(liveness)
        alive_pixels = living.nonzero()
        faint_pixels = ((liveness > 0) & ~living).nonzero()
        batch, y, x = torch.cat([alive_pixels, faint_pixels]).unbind(1)
        num_batch, height, width = liveness.shape
        row_of = torch.full((num_batch, height + 2, width + 2), len(batch), device=liveness.device)
        row_of[batch, y + 1, x + 1] = torch.arange(len(batch), device=liveness.device)
        centre = (batch * (height + 2) + y + 1) * (width + 2) + x + 1
        step = torch.arange(-1, 2, device=liveness.device)
        taps = (step[:, None] * (width + 2) + step).flatten()
        neighbours = row_of.flatten()[centre[:, None] + taps]
        return cls(batch, y, x, len(alive_pixels), neighbours)

    def gather(self, grid: Tensor) -> Tensor:
        """The cells of a grid: (batch, channels, height, width) -> (rows + 1, channels)."""
        return F.pad(grid[self.batch, :, self.y, self.x], (0, 0, 0, 1))

    def scatter(self, cells: Tensor, grid: Tensor) -> Tensor:
        """The grid with the alive cells' values: (rows + 1, channels) -> (batch, channels, height, width)."""
        alive_rows = slice(self.num_alive)
        at = (self.batch[alive_rows], slice(None), self.y[alive_rows], self.x[alive_rows])
        grid = grid.clone()
        grid[at] = cells[alive_rows]
        return grid


@dataclass(frozen=True)
class Chance:
    """The randomness of a rollout: for each tick, the rows that fire (fired,) and their noise (fired, 19)."""

    fired: Sequence[Tensor]
    noise: Sequence[Tensor]

    @classmethod
    def draw(
        cls, graph: CellGraph, automaton: CellularAutomaton, ticks: int, generator: torch.Generator
    ) -> "Chance":
        """Draw which alive cells fire, and their noise; a device waits for the host only here."""
        device, dtype = graph.neighbours.device, automaton.residual.bias.dtype
        draws = torch.rand(ticks, graph.num_alive, generator=generator, device=device)
        fires = draws < automaton.fire_rate
        rows = fires.nonzero()[:, 1]
        noise = torch.randn(len(rows), STATE_CHANNELS, generator=generator, device=device, dtype=dtype)
        fired_per_tick = fires.sum(1).tolist()
        return cls(rows.split(fired_per_tick), noise.mul_(automaton.noise).split(fired_per_tick))


def rollout(automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, chance: Chance) -> Tensor:
    """Apply the update rule once for each tick of `chance`.

    Args:
        cells: (rows + 1, 20) from `CellGraph.gather`; left as it is

    Returns:
        (rows + 1, 20), differentiable in `cells` and the parameters
    """
    weights = tuple(automaton.parameters())
    if torch.is_grad_enabled():
        return _Rollout.apply(cells, graph.neighbours, chance, *weights)
    for fired, noise in zip(chance.fired, chance.noise, strict=True):
        cells, _, _ = _tick(cells, graph.neighbours, fired, noise, weights)
    return cells


def _surroundings(cells: Tensor, neighbours: Tensor, fired: Tensor) -> Tensor:
    """The 3x3 neighbourhoods of the fired rows: (fired, 180)."""
    taps = neighbours.index_select(0, fired).flatten()
    return cells.index_select(0, taps).view(-1, TAPS * CHANNELS)


def _tick(
    cells: Tensor, neighbours: Tensor, fired: Tensor, noise: Tensor, weights: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """One tick: the new cells (rows + 1, 20), and the activations that the backward pass needs."""
    w1, b1, w2, b2, w3, b3 = weights
    perception = torch.addmm(b1, _surroundings(cells, neighbours, fired), w1.t()).relu_()  # (fired, 80)
    hidden = torch.addmm(b2, perception, w2.t()).relu_()  # (fired, 80)
    residual = torch.addmm(b3, hidden, w3.t())  # (fired, 19)
    cells = cells.clone()
    cells[:, 1:].index_add_(0, fired, residual.add_(noise))
    return cells, perception, hidden


class _Rollout(torch.autograd.Function):
    """A whole rollout as one differentiable operation, with its backward pass written by hand."""

    @staticmethod
    def forward(ctx, cells: Tensor, neighbours: Tensor, chance: Chance, *weights: Tensor) -> Tensor:
        saved: list[Tensor] = []
        for fired, noise in zip(chance.fired, chance.noise, strict=True):
            before = cells
            cells, perception, hidden = _tick(cells, neighbours, fired, noise, weights)
            saved += fired, before, perception, hidden
        ctx.save_for_backward(neighbours, *weights, *saved)
        return cells

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_cells: Tensor):
        neighbours, w1, b1, w2, b2, w3, b3, *saved = ctx.saved_tensors
        rows, most_fired = len(neighbours), max((len(fired) for fired in saved[::4]), default=0)
        grad = grad_cells.clone()
        g1, gb1, g2, gb2, g3, gb3 = (torch.zeros_like(w) for w in (w1, b1, w2, b2, w3, b3))
        # Buffers reused in every tick: memory that is freed and mapped anew costs more than the sums.
        sent_rows = grad.new_empty(TAPS * (most_fired + 1), CHANNELS)
        slot = torch.empty(rows + 1, dtype=torch.int32, device=grad.device)
        slots = torch.arange(0, TAPS * most_fired, TAPS, dtype=torch.int32, device=grad.device)
        mirrored = torch.arange(TAPS - 1, -1, -1, dtype=torch.int32, device=grad.device)

        while saved:
            hidden, perception, cells, fired = (saved.pop() for _ in range(4))
            inputs = _surroundings(cells, neighbours, fired)
            grad_residual = grad.index_select(0, fired)[:, 1:]
            grad_hidden = _relu_backward(grad_residual @ w3, hidden, 0)
            grad_perception = _relu_backward(grad_hidden @ w2, perception, 0)

            g3.addmm_(grad_residual.t(), hidden)
            g2.addmm_(grad_hidden.t(), perception)
            g1.addmm_(grad_perception.t(), inputs)
            gb3 += grad_residual.sum(0)
            gb2 += grad_hidden.sum(0)
            gb1 += grad_perception.sum(0)

            # What each fired cell sends to its nine taps; then nine zero rows, for cells that did not fire.
            count = TAPS * len(fired)
            sent = sent_rows[: count + TAPS]
            torch.mm(grad_perception, w1, out=sent[:count].view(-1, TAPS * CHANNELS))
            sent[count:] = 0
            # Each cell gathers what was sent to it: the neighbour at its tap k sent it from tap 8 - k.
            slot.fill_(count)[fired] = slots[: len(fired)]
            sources = slot.index_select(0, neighbours.flatten()).view(-1, TAPS).add_(mirrored)
            grad[:rows] += F.embedding_bag(sources, sent, mode="sum")
        return grad, None, None, g1, gb1, g2, gb2, g3, gb3
