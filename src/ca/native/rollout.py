"""A rollout by the compiled kernel."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ca.cell_graph import CellGraph, Chance, Observation
from ca.cells import NUM_CLASSES
from ca.native.library import THREADS, kernel, library


def serves(cells: Tensor, weights: Sequence[Tensor]) -> bool:
    """Whether the kernel can do it: float32 on the processor, with gradients of the weights only."""
    fits = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in (cells, *weights))
    return fits and not cells.requires_grad and library() is not None


def native_rollout(cells: Tensor, graph: CellGraph, chance: Chance, weights: Sequence[Tensor]) -> Tensor:
    """As `ca.engine.rollout`; differentiable in the weights."""
    if torch.is_grad_enabled():
        return _Rollout.apply(cells, graph, chance, *weights)
    return _forward(_Tape(), cells, graph, chance, weights, keep=False)


def native_observe(
    cells: Tensor, graph: CellGraph, chance: Chance, weights: Sequence[Tensor], num_digits: int
) -> tuple[Tensor, Observation]:
    """As `ca.engine.observe`."""
    ticks = len(chance.fires)
    votes = torch.zeros(ticks, num_digits, NUM_CLASSES, dtype=torch.int64)
    sums = torch.zeros(ticks, num_digits, 2, dtype=torch.float64)
    after = _forward(_Tape(), cells, graph, chance, weights, keep=False, seen=(votes, sums))
    abs_state, abs_residual = sums.sum(1).unbind(1)
    return after, Observation(votes, abs_state, abs_residual)


class _Tape:
    """What a rollout leaves for its backward pass: memory of the kernel, used again by later rollouts."""

    _spare: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.address = self._spare.pop() if self._spare else kernel().ca_new_tape()

    def __del__(self) -> None:
        self._spare.append(self.address)


def _forward(
    tape: _Tape,
    cells: Tensor,
    graph: CellGraph,
    chance: Chance,
    weights: Sequence[Tensor],
    *,
    keep: bool,
    seen: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    votes, sums = seen or (None, None)
    given = [
        tensor.detach().contiguous()
        for tensor in (cells, graph.batch, graph.y, graph.x, chance.fires, chance.noise, *weights)
    ]
    after = cells.detach().clone(memory_format=torch.contiguous_format)
    kernel().ca_forward(
        tape.address,
        THREADS,
        keep,
        len(graph.batch),
        graph.num_alive,
        len(chance.fires),
        *graph.size,
        *(tensor.data_ptr() for tensor in (*given, after)),
        None if votes is None else votes.data_ptr(),
        None if sums is None else sums.data_ptr(),
        0 if votes is None else votes.shape[1],
    )
    return after


class _Rollout(torch.autograd.Function):
    """A whole rollout as one differentiable operation."""

    @staticmethod
    def forward(ctx, cells: Tensor, graph: CellGraph, chance: Chance, *weights: Tensor) -> Tensor:
        ctx.tape, ctx.shapes = _Tape(), [weight.shape for weight in weights]
        return _forward(ctx.tape, cells, graph, chance, weights, keep=True)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_after: Tensor):
        grad_after = grad_after.contiguous()
        gradients = [grad_after.new_empty(shape) for shape in ctx.shapes]
        kernel().ca_backward(
            ctx.tape.address,
            THREADS,
            *(tensor.data_ptr() for tensor in (grad_after, *gradients)),
        )
        return None, None, None, *gradients
