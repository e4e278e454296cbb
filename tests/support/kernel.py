"""What the tests of the compiled kernel share."""

import copy
import os
import shlex

import pytest
import torch
from torch import Tensor

from ca.architecture import Architecture
from ca.data.digits import Digits
from ca.engine.graph import CellGraph, RandomDraws
from ca.engine.kernel.build import find_compiler, library
from ca.engine.native_backend import native_rollout, serves
from ca.engine.rollout import random_draws
from ca.model import CellularAutomaton
from support.helpers import dense_draws, random_automaton, random_liveness, seeded, with_random_state
from support.sizes import ARTICLE

needs_compiler = pytest.mark.skipif(
    library(ARTICLE) is None and os.environ.get("CA_KERNEL_TESTS") != "required",
    reason="no C++ compiler here (on Debian: g++)",
)


def quick_compiler() -> str:
    """The compiler as a value of `CXX`, without optimisation: it builds in half the time."""
    return shlex.join([*find_compiler(), "-O0"])


def grid_of(
    inks: list[str], size: tuple[int, int], seed: int, architecture: Architecture = ARTICLE
) -> Tensor:
    """Random digits, (digits, channels, height, width) float32."""
    generator = seeded(seed)
    liveness = torch.zeros(len(inks), *size, dtype=torch.float64)
    for digit, ink in enumerate(inks):
        liveness[digit] = random_liveness(ink, *size, generator)
    return with_random_state(liveness, generator, architecture).float()


def some_rollout(
    few_digits: Digits, count: int, ticks: int, seed: int
) -> tuple[CellGraph, Tensor, RandomDraws]:
    grid = with_random_state(few_digits[seed : seed + count].liveness, seeded(seed))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, random_automaton(dtype=torch.float32), ticks, seeded(seed))
    return graph, graph.gather(grid), draws


def gradients(automaton: CellularAutomaton, total: Tensor, *, retain: bool = False) -> list[Tensor]:
    weights = list(automaton.parameters())
    found = torch.autograd.grad(total, weights, allow_unused=True, retain_graph=retain)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(weights, found, strict=True)]


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    scale = expected.abs().max().clamp(min=1) if expected.numel() else 1
    return float((found.double() - expected).abs().max() / scale) if expected.numel() else 0.0


def assert_equals_dense(
    automaton: CellularAutomaton, grid: Tensor, ticks: int, *, gradients_jump: bool = False
) -> None:
    """Compare the kernel's final states and gradients with those of the dense rule in float64.

    Args:
        gradients_jump: there are so many activations that one or two may be zero to rounding, where the
            gradient of a ReLU jumps by what a cell adds in a tick
    """
    graph = CellGraph.of(grid[:, 0], automaton.architecture)
    draws = random_draws(graph, automaton, ticks, seeded(7))
    factors = torch.randn(grid.shape, dtype=torch.float64, generator=seeded(8))
    cells = graph.gather(grid)
    assert serves(automaton, cells)
    end = graph.scatter(native_rollout(automaton, graph, cells, draws), grid)

    exact = copy.deepcopy(automaton).double()
    expected = grid.double()
    for fired, noise in dense_draws(graph, draws, grid[:, 0]):
        expected = exact.tick(expected, fired, noise.double())
    assert difference(end.detach(), expected.detach()) < 2e-5
    assert torch.equal(end[:, 0], grid[:, 0])
    found = gradients(automaton, (end * factors).sum())
    for one, other in zip(found, gradients(exact, (expected * factors).sum()), strict=True):
        if gradients_jump:
            assert (one.double() - other).norm() <= 0.02 * other.norm() + 1e-6
        else:
            assert difference(one, other) < 2e-5
