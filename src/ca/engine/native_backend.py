"""Rollouts and their random draws by the compiled kernel: float32 on the CPU."""

import ctypes
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from ca.architecture import Architecture
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.kernel.build import kernel, library
from ca.engine.kernel.interface import (
    BackwardArguments,
    ForwardArguments,
    ParameterArguments,
    TensorArgument,
)
from ca.engine.kernel.threads import num_threads
from ca.model import CellularAutomaton

SPARE_TAPES = 4


def available(architecture: Architecture) -> bool:
    """Whether there is a kernel for automata of this architecture."""
    return library(architecture) is not None


def native_draws(
    architecture: Architecture, ticks: int, num_alive: int, fire_rate: float, generator: Generator
) -> RandomDraws:
    """Draw which cells fire, (ticks, num_alive) bool, and their noise, (fired, state channels) float32.

    The generator draws a key; the numbers are those of Threefry (Salmon et al., 2011) under that key, and the
    same on any number of threads.
    """
    words = torch.randint(2**32, (2,), generator=generator).tolist()
    key = (ctypes.c_uint32 * 2)(*words)
    built, threads = kernel(architecture), num_threads()
    fires = torch.empty(ticks, num_alive, dtype=torch.bool)
    built.ca_draw_fires(threads, key, fire_rate, fires.numel(), fires.data_ptr())
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), architecture.state_channels)
    built.ca_draw_noise(threads, key, architecture.noise, noise.numel(), noise.data_ptr())
    return RandomDraws(fires, noise, counts)


def serves(automaton: CellularAutomaton, cells: Tensor) -> bool:
    """Whether the kernel can compute these: float32 on the CPU, with gradients of the weights only."""
    tensors = (cells, *automaton.parameters())
    fits = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    return fits and not cells.requires_grad and available(automaton.architecture)


def native_rollout(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> Tensor:
    """As `ca.engine.rollout.rollout`; differentiable in the weights.

    Raises:
        ValueError: a tensor's type, shape or indices do not fit the kernel or each other
        MemoryError: there is not enough memory
    """
    weights, tape = automaton.weights(), _Tape(kernel(automaton.architecture))
    if torch.is_grad_enabled():
        return _Rollout.apply(tape, cells, graph, draws, *weights)
    return _forward(tape, cells, graph, draws, weights, keep=False)


def native_observe(
    automaton: CellularAutomaton, graph: CellGraph, cells: Tensor, draws: RandomDraws
) -> tuple[Tensor, Observation]:
    """As `ca.engine.rollout.observe`.

    Raises:
        ValueError: a tensor's type, shape or indices do not fit the kernel or each other
        MemoryError: there is not enough memory
    """
    ticks = len(draws.fires)
    architecture = automaton.architecture
    votes = torch.zeros(ticks, graph.num_digits, architecture.classes, dtype=torch.int64)
    sums = torch.zeros(ticks, graph.num_digits, 2, dtype=torch.float64)
    tape, observed = _Tape(kernel(architecture)), (votes, sums)
    after = _forward(tape, cells, graph, draws, automaton.weights(), keep=False, observed=observed)
    abs_state, abs_residual = sums.sum(1).unbind(1)
    return after, Observation(votes, abs_state, abs_residual)


class _Tape:
    """What a rollout leaves for its backward pass, in the kernel's memory.

    Some tapes are kept for later rollouts, since mapping new memory is slow; the others are freed.
    """

    _all_spare: defaultdict[ctypes.CDLL, list[int]] = defaultdict(list)  # noqa: RUF012 - shared by all

    def __init__(self, library: ctypes.CDLL) -> None:
        self.kernel = library
        self._spare = self._all_spare[library]
        self.address: int | None = self._spare.pop() if self._spare else library.ca_new_tape()
        if self.address is None:
            raise MemoryError("not enough memory for the compiled kernel")

    def __del__(self) -> None:
        if self.address is None:
            return
        if len(self._spare) < SPARE_TAPES:
            self._spare.append(self.address)
        else:
            self.kernel.ca_free_tape(self.address)


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
        parameters=ParameterArguments.of(parameters),
        **{name: TensorArgument.of(tensor) for name, tensor in (given | results).items()},
    )
    tape.kernel.ca_forward(tape.address, arguments)
    return after


class _Rollout(torch.autograd.Function):
    """A whole rollout as one differentiable operation."""

    @staticmethod
    def forward(
        ctx, tape: _Tape, cells: Tensor, graph: CellGraph, draws: RandomDraws, *weights: Tensor
    ) -> Tensor:
        ctx.tape, ctx.shapes = tape, [weight.shape for weight in weights]
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
            gradients=ParameterArguments.of(gradients),
        )
        ctx.tape.kernel.ca_backward(ctx.tape.address, arguments)
        return None, None, None, None, *gradients
