"""The standard rule in PyTorch, for any device and precision: a tick is a gather and a few matrix products.

The backward pass over all ticks is written by hand.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ca.architecture import TAPS
from ca.engine.generic_backend import Step, observe_each, roll_out
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.model import CellularAutomaton

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
    step = _step(graph, automaton.weights())
    return observe_each(step, automaton.architecture, graph, cells, draws)


def _step(graph: CellGraph, weights: Sequence[Tensor]) -> Step:
    def step(cells: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        taps = graph.neighbours.index_select(0, fired).flatten()
        return _tick(cells, fired, taps, noise, weights)[0]

    return step


def _tick(
    cells: Tensor, fired: Tensor, taps: Tensor, noise: Tensor, weights: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """One tick: the new cells (rows + 1, channels), and the activations (fired, width) of the hidden layers.

    Args:
        fired: (fired,) rows
        taps: (fired * 9,) rows of their 3x3 surroundings
        noise: (fired, state channels)
    """
    channels = cells.shape[1]
    *hidden, (last_weight, last_bias) = _layers(weights)
    inputs = cells.index_select(0, taps).view(len(fired), TAPS * channels)
    values, active = inputs, []
    for weight, bias in hidden:
        values = torch.addmm(bias, values, weight.t()).relu_()
        active.append(values)
    residual = torch.addmm(last_bias, values, last_weight.t())
    centre = TAPS // 2 * channels  # a cell's own channels among its inputs
    before = inputs[:, centre + 1 : centre + channels]
    cells = cells.clone()
    cells[:, 1:].index_put_((fired,), residual.add_(noise).add_(before))
    return cells, active


def _layers(weights: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each layer."""
    return list(zip(weights[::2], weights[1::2], strict=True))


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
            cells, active = _tick(cells, fired, taps, noise, weights)
            saved += fired, taps, before, *active
        ctx.num_weights, ctx.num_saved = len(weights), 3 + len(weights) // 2 - 1  # of a tick
        ctx.save_for_backward(neighbours, *weights, *saved)
        return cells

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_cells: Tensor):
        neighbours, *tensors = ctx.saved_tensors
        weights, saved = tensors[: ctx.num_weights], tensors[ctx.num_weights :]
        ticks = [saved[first : first + ctx.num_saved] for first in range(0, len(saved), ctx.num_saved)]
        sources = _sources(neighbours, [fired for fired, *_ in ticks])
        grad, channels = grad_cells.clone(), grad_cells.shape[1]
        gradients = [torch.zeros_like(weight) for weight in weights]
        # One buffer for all ticks: allocating it in each tick takes longer than the sums.
        most_fired = max((len(fired) for fired, *_ in ticks), default=0)
        sent = grad.new_zeros(TAPS * (1 + most_fired), channels)
        ones = grad.new_ones(most_fired)

        for tick, (fired, taps, cells, *active) in reversed(list(enumerate(ticks))):
            inputs = cells.index_select(0, taps).view(len(fired), TAPS * channels)
            grad_output = grad.index_select(0, fired)[:, 1:]
            for number, layer_input in reversed(list(enumerate([inputs, *active]))):
                gradients[2 * number].addmm_(grad_output.t(), layer_input)
                gradients[2 * number + 1].addmv_(grad_output.t(), ones[: len(fired)])
                if number > 0:
                    grad_output = grad_output @ weights[2 * number]
                    _relu_backward(grad_output, layer_input, 0, grad_input=grad_output)

            if tick == 0 and not ctx.needs_input_grad[0]:
                break
            senders = sent[TAPS : TAPS * (1 + len(fired))].view(len(fired), TAPS * channels)
            torch.mm(grad_output, weights[0], out=senders)
            grad[:-1] += F.embedding_bag(sources[tick], sent, mode="sum")
        return grad, None, None, *gradients


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
