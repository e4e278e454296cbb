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

CENTRE = TAPS // 2 * CHANNELS  # a cell's own channels among its inputs
_relu_backward = torch.ops.aten.threshold_backward.grad_input  # ten times faster than a product with a mask


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
    """The randomness of a rollout, tick by tick.

    Attributes:
        fired: (fired,) rows that fire
        taps: (fired * 9,) rows of their 3x3 surroundings
        noise: (fired, 19) added to their residuals
    """

    fired: Sequence[Tensor]
    taps: Sequence[Tensor]
    noise: Sequence[Tensor]

    @classmethod
    def draw(
        cls, graph: CellGraph, automaton: CellularAutomaton, ticks: int, generator: torch.Generator
    ) -> "Chance":
        """Draw which alive cells fire, and their noise; a device waits for the host only here."""
        device, dtype = graph.neighbours.device, automaton.residual.bias.dtype
        draws = torch.rand(ticks, graph.num_alive, generator=generator, device=device)
        fires = draws < automaton.fire_rate
        fired = fires.nonzero()[:, 1].contiguous()
        taps = graph.neighbours.index_select(0, fired).flatten()
        noise = torch.empty(len(fired), STATE_CHANNELS, device=device, dtype=dtype)
        noise.normal_(0, automaton.noise, generator=generator)
        counts = fires.sum(1).tolist()
        return cls(fired.split(counts), taps.split([TAPS * count for count in counts]), noise.split(counts))


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
    for fired, taps, noise in zip(chance.fired, chance.taps, chance.noise, strict=True):
        cells, _, _ = _tick(cells, fired, taps, noise, weights)
    return cells


def _tick(
    cells: Tensor, fired: Tensor, taps: Tensor, noise: Tensor, weights: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """One tick: the new cells (rows + 1, 20), and the activations that the backward pass needs."""
    w1, b1, w2, b2, w3, b3 = weights
    inputs = cells.index_select(0, taps).view(-1, TAPS * CHANNELS)  # (fired, 180)
    perception = torch.addmm(b1, inputs, w1.t()).relu_()  # (fired, 80)
    hidden = torch.addmm(b2, perception, w2.t()).relu_()  # (fired, 80)
    residual = torch.addmm(b3, hidden, w3.t())  # (fired, 19)
    before = inputs[:, CENTRE + 1 : CENTRE + CHANNELS]
    cells = cells.clone()
    cells[:, 1:].index_put_((fired,), residual.add_(noise).add_(before))
    return cells, perception, hidden


class _Rollout(torch.autograd.Function):
    """A whole rollout as one differentiable operation, with its backward pass written by hand."""

    @staticmethod
    def forward(ctx, cells: Tensor, neighbours: Tensor, chance: Chance, *weights: Tensor) -> Tensor:
        saved: list[Tensor] = []
        for fired, taps, noise in zip(chance.fired, chance.taps, chance.noise, strict=True):
            before = cells
            cells, perception, hidden = _tick(cells, fired, taps, noise, weights)
            saved += fired, taps, before, perception, hidden
        ctx.save_for_backward(neighbours, *weights, *saved)
        return cells

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_cells: Tensor):
        neighbours, w1, b1, w2, b2, w3, b3, *saved = ctx.saved_tensors
        sources = _sources(neighbours, saved[::5])
        grad = grad_cells.clone()
        g1, gb1, g2, gb2, g3, gb3 = (torch.zeros_like(w) for w in (w1, b1, w2, b2, w3, b3))
        # Reused in every tick: memory that is freed and mapped anew costs more than the sums.
        most_fired = max((len(fired) for fired in saved[::5]), default=0)
        sent = grad.new_zeros(TAPS * (1 + most_fired), CHANNELS)
        ones = grad.new_ones(most_fired)

        for tick in reversed(range(len(sources))):
            fired, taps, cells, perception, hidden = saved[5 * tick : 5 * tick + 5]
            inputs = cells.index_select(0, taps).view(-1, TAPS * CHANNELS)
            grad_residual = grad.index_select(0, fired)[:, 1:]
            grad_hidden = grad_residual @ w3
            _relu_backward(grad_hidden, hidden, 0, grad_input=grad_hidden)
            grad_perception = grad_hidden @ w2
            _relu_backward(grad_perception, perception, 0, grad_input=grad_perception)
            for grad_weight, grad_bias, grad_output, layer_input in (
                (g3, gb3, grad_residual, hidden),
                (g2, gb2, grad_hidden, perception),
                (g1, gb1, grad_perception, inputs),
            ):
                grad_weight.addmm_(grad_output.t(), layer_input)
                grad_bias.addmv_(grad_output.t(), ones[: len(fired)])

            if tick == 0 and not ctx.needs_input_grad[0]:
                break
            senders = sent[TAPS : TAPS * (1 + len(fired))].view(-1, TAPS * CHANNELS)
            torch.mm(grad_perception, w1, out=senders)
            grad[:-1] += F.embedding_bag(sources[tick], sent, mode="sum")
        return grad, None, None, g1, gb1, g2, gb2, g3, gb3


def _sources(neighbours: Tensor, fired: Sequence[Tensor]) -> Tensor:
    """Where each row finds what its neighbours sent to it in the backward pass: (ticks, rows, 9).

    What is sent stands in a matrix: nine zero rows for all cells that did not fire, then nine rows, one a
    tap, for each cell that did. The neighbour at a cell's tap k sent from its own tap 8 - k.
    """
    rows, ticks, device = len(neighbours), len(fired), neighbours.device
    most_fired = max((len(senders) for senders in fired), default=0)
    first_taps = torch.arange(TAPS, TAPS * (1 + most_fired), TAPS, dtype=torch.int32, device=device)
    slots = torch.zeros(ticks, rows + 1, dtype=torch.int32, device=device)
    for slot, senders in zip(slots, fired, strict=True):
        slot.index_copy_(0, senders, first_taps[: len(senders)])
    mirrored = torch.arange(TAPS - 1, -1, -1, dtype=torch.int32, device=device)
    sources = slots.t().contiguous().index_select(0, neighbours.flatten())  # (rows * 9, ticks)
    return sources.view(rows, TAPS, ticks).add_(mirrored[:, None]).movedim(2, 0).contiguous()
