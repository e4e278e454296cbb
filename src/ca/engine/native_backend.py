"""Rollouts and their random draws by the compiled kernel: float32 on the CPU."""

import ctypes
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.kernel.build import kernel, library
from ca.engine.kernel.interface import (
    BackwardArguments,
    ForwardArguments,
    TensorArgument,
    parameter_arguments,
)
from ca.engine.kernel.threads import num_threads
from ca.model import CellularAutomaton
from ca.sizes import NUM_CLASSES, STATE_CHANNELS

SPARE_TAPES = 4


def native_draws(
    ticks: int, num_alive: int, fire_rate: float, deviation: float, generator: Generator
) -> RandomDraws:
    """Draw which cells fire, (ticks, num_alive) bool, and their noise, (fired, 19) float32.

    The generator draws a key; the numbers are those of Threefry (Salmon et al., 2011) under that key, and the
    same on any number of threads.
    """
    words = torch.randint(2**32, (2,), generator=generator).tolist()
    key = (ctypes.c_uint32 * 2)(*words)
    fires = torch.empty(ticks, num_alive, dtype=torch.bool)
    kernel().ca_draw_fires(num_threads(), key, fire_rate, fires.numel(), fires.data_ptr())
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), STATE_CHANNELS)
    kernel().ca_draw_noise(num_threads(), key, deviation, noise.numel(), noise.data_ptr())
    return RandomDraws(fires, noise, counts)


def serves(cells: Tensor, weights: Sequence[Tensor]) -> bool:
    """Whether the kernel can compute these: float32 on the CPU, with gradients of the weights only."""
    fits = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in (cells, *weights))
    return fits and not cells.requires_grad and library() is not None


def native_rollout(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> Tensor:
    """As `ca.engine.rollout.rollout`; differentiable in the weights.

    Raises:
        ValueError: a tensor's type, shape or indices do not fit the kernel or each other
        MemoryError: there is not enough memory
    """
    weights = automaton.weights()
    if torch.is_grad_enabled():
        return _Rollout.apply(cells, graph, draws, *weights)
    return _forward(_Tape(), cells, graph, draws, weights, keep=False)


def native_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`.

    Raises:
        ValueError: a tensor's type, shape or indices do not fit the kernel or each other
        MemoryError: there is not enough memory
    """
    ticks = len(draws.fires)
    votes = torch.zeros(ticks, graph.num_digits, NUM_CLASSES, dtype=torch.int64)
    sums = torch.zeros(ticks, graph.num_digits, 2, dtype=torch.float64)
    observed = votes, sums
    after = _forward(_Tape(), cells, graph, draws, automaton.weights(), keep=False, observed=observed)
    abs_state, abs_residual = sums.sum(1).unbind(1)
    return after, Observation(votes, abs_state, abs_residual)


class _Tape:
    """What a rollout leaves for its backward pass, in the kernel's memory.

    Some tapes are kept for later rollouts, since mapping new memory is slow; the others are freed.
    """

    _spare: list[int] = []  # noqa: RUF012 - shared by all

    def __init__(self) -> None:
        self._free = kernel().ca_free_tape
        self.address: int | None = self._spare.pop() if self._spare else kernel().ca_new_tape()
        if self.address is None:
            raise MemoryError("not enough memory for the compiled kernel")

    def __del__(self) -> None:
        if self.address is None:
            return
        if len(self._spare) < SPARE_TAPES:
            self._spare.append(self.address)
        else:
            self._free(self.address)


def _forward(
    tape: _Tape,
    cells: Tensor,
    graph: CellGraph,
    draws: RandomDraws,
    weights: Sequence[Tensor],
    *,
    keep: bool,
    observed: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    given = {
        "cells": cells,
        "batch": graph.batch,
        "y": graph.y,
        "x": graph.x,
        "fires": draws.fires,
        "noise": draws.noise,
    }
    given = {name: tensor.detach().contiguous() for name, tensor in given.items()}
    parameters = [weight.detach().contiguous() for weight in weights]
    after = cells.detach().clone(memory_format=torch.contiguous_format)
    results = {"after": after}
    if observed is not None:
        results |= dict(zip(("votes", "sums"), observed, strict=True))
    height, width = graph.size
    arguments = ForwardArguments(
        size=ctypes.sizeof(ForwardArguments),
        threads=num_threads(),
        keep=keep,
        num_alive=graph.num_alive,
        num_digits=graph.num_digits,
        height=height,
        width=width,
        observe=observed is not None,
        parameters=parameter_arguments(parameters),
        **{name: TensorArgument.of(tensor) for name, tensor in (given | results).items()},
    )
    kernel().ca_forward(tape.address, arguments)
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
        arguments = BackwardArguments(
            size=ctypes.sizeof(BackwardArguments),
            threads=num_threads(),
            grad_after=TensorArgument.of(grad_after),
            gradients=parameter_arguments(gradients),
        )
        kernel().ca_backward(ctx.tape.address, arguments)
        return None, None, None, *gradients
