"""A rollout, and its random draws, by the compiled kernel."""

import ctypes
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from ca.cells import NUM_CLASSES, STATE_CHANNELS
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.kernel.build import THREADS, kernel, library
from ca.model import CellularAutomaton


def native_draws(
    ticks: int, num_alive: int, fire_rate: float, deviation: float, generator: Generator
) -> RandomDraws:
    """Which cells fire, (ticks, num_alive) bool, their noise, (fired, 19) float32, and how many fire a tick.

    The numbers are Threefry's (Salmon et al., 2011) under a key that the generator draws, and the same on any
    number of threads.
    """
    words = torch.randint(2**32, (2,), generator=generator).tolist()
    key = (ctypes.c_uint32 * 2)(*words)
    fires = torch.empty(ticks, num_alive, dtype=torch.bool)
    kernel().ca_draw_fires(THREADS, key, fire_rate, fires.numel(), fires.data_ptr())
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), STATE_CHANNELS)
    kernel().ca_draw_noise(THREADS, key, deviation, noise.numel(), noise.data_ptr())
    return RandomDraws(fires, noise, counts)


def serves(cells: Tensor, weights: Sequence[Tensor]) -> bool:
    """Whether the kernel can compute these: float32 on the CPU, with gradients of the weights only."""
    fits = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in (cells, *weights))
    return fits and not cells.requires_grad and library() is not None


def native_rollout(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> Tensor:
    """As `ca.engine.rollout.rollout`; differentiable in the weights."""
    weights = automaton.weights()
    if torch.is_grad_enabled():
        return _Rollout.apply(cells, graph, draws, *weights)
    return _forward(_Tape(), cells, graph, draws, weights, keep=False)


def native_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`."""
    ticks = len(draws.fires)
    votes = torch.zeros(ticks, graph.num_digits, NUM_CLASSES, dtype=torch.int64)
    sums = torch.zeros(ticks, graph.num_digits, 2, dtype=torch.float64)
    after = _forward(_Tape(), cells, graph, draws, automaton.weights(), keep=False, seen=(votes, sums))
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
    draws: RandomDraws,
    weights: Sequence[Tensor],
    *,
    keep: bool,
    seen: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    votes, sums = seen or (None, None)
    given = [
        tensor.detach().contiguous()
        for tensor in (cells, graph.batch, graph.y, graph.x, draws.fires, draws.noise, *weights)
    ]
    after = cells.detach().clone(memory_format=torch.contiguous_format)
    kernel().ca_forward(
        tape.address,
        THREADS,
        keep,
        len(graph.batch),
        graph.num_alive,
        len(draws.fires),
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
    def forward(ctx, cells: Tensor, graph: CellGraph, draws: RandomDraws, *weights: Tensor) -> Tensor:
        ctx.tape, ctx.shapes = _Tape(), [weight.shape for weight in weights]
        return _forward(ctx.tape, cells, graph, draws, weights, keep=True)

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
