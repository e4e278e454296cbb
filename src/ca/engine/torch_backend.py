"""The standard rule in PyTorch, for any device and precision: a tick is a gather and three matrix products.

The backward pass over all ticks is written by hand.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ca.engine.generic_backend import Step, observe_each, roll_out
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.model import CellularAutomaton
from ca.sizes import CHANNELS, TAPS

CENTRE = TAPS // 2 * CHANNELS  # a cell's own channels among its inputs
_relu_backward = torch.ops.aten.threshold_backward.grad_input  # ten times as fast as a product with a mask


def torch_rollout(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> Tensor:
    """As `ca.engine.rollout.rollout`."""
    weights = automaton.weights()
    if not torch.is_grad_enabled():
        return roll_out(_step(graph, weights), cells, draws)
    ticks = [
        (fired, graph.neighbours.index_select(0, fired).flatten(), noise) for fired, noise in draws.by_tick()
    ]
    return _Rollout.apply(cells, graph.neighbours, ticks, *weights)


def torch_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`."""
    return observe_each(_step(graph, automaton.weights()), graph, cells, draws)


def _step(graph: CellGraph, weights: Sequence[Tensor]) -> Step:
    def step(cells: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        taps = graph.neighbours.index_select(0, fired).flatten()
        return _tick(cells, fired, taps, noise, weights)[0]

    return step


def _tick(
    cells: Tensor, fired: Tensor, taps: Tensor, noise: Tensor, weights: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """One tick: the new cells (rows + 1, 20), and the activations that the backward pass needs.

    Args:
        fired: (fired,) rows
        taps: (fired * 9,) rows of their 3x3 surroundings
        noise: (fired, 19)
    """
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
    def forward(
        ctx,
        cells: Tensor,
        neighbours: Tensor,
        ticks: Sequence[tuple[Tensor, Tensor, Tensor]],
        *weights: Tensor,
    ) -> Tensor:
        saved: list[Tensor] = []
        for fired, taps, noise in ticks:
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
        # One buffer for all ticks: allocating it in each tick takes longer than the sums.
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
    """Rows of the matrix of sent gradients that belong to each cell: (ticks, rows, 9).

    In the backward pass each cell that fired sends a gradient to each of its nine taps. These stand in a
    matrix: first nine zero rows, for all cells that did not fire, then nine rows for each cell that did. The
    neighbour at a cell's tap k sent to it from its own tap 8 - k.
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
