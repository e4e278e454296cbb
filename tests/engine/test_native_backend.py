"""The compiled kernel against the dense rule and the PyTorch engine, and where it can't be built."""

import copy
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import (
    INKS,
    dense_draws,
    exit_code,
    in_child,
    random_automaton,
    random_liveness,
    seeded,
    with_random_state,
)
from torch import Tensor

from ca.data.digits import Digits
from ca.engine.graph import CellGraph, RandomDraws
from ca.engine.kernel.build import library
from ca.engine.native_backend import native_draws, serves
from ca.engine.rollout import observe, random_draws, rollout
from ca.engine.torch_backend import torch_observe, torch_rollout
from ca.model import CellularAutomaton

needs_compiler = pytest.mark.skipif(
    library() is None and os.environ.get("CA_KERNEL_TESTS") != "required",
    reason="no C++ compiler here (on Debian: g++)",
)


def single_grid(inks: list[str], size: tuple[int, int], seed: int) -> Tensor:
    generator = seeded(seed)
    liveness = torch.stack([random_liveness(ink, *size, generator) for ink in inks])
    return with_random_state(liveness, generator).float()


def gradients(automaton: CellularAutomaton, total: Tensor, *, retain: bool = False) -> list[Tensor]:
    weights = list(automaton.parameters())
    found = torch.autograd.grad(total, weights, allow_unused=True, retain_graph=retain)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(weights, found, strict=True)]


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    scale = expected.abs().max().clamp(min=1) if expected.numel() else 1
    return float((found.double() - expected).abs().max() / scale) if expected.numel() else 0.0


def assert_equals_dense(automaton: CellularAutomaton, grid: Tensor, ticks: int) -> None:
    """Compare final states and gradients with those of the dense rule in float64."""
    graph = CellGraph.of(grid[:, 0])
    draws = random_draws(graph, automaton, ticks, seeded(7))
    factors = torch.randn(grid.shape, dtype=torch.float64, generator=seeded(8))
    cells = graph.gather(grid)
    assert serves(cells, tuple(automaton.parameters()))
    end = graph.scatter(rollout(automaton, graph, cells, draws), grid)

    exact = copy.deepcopy(automaton).double()
    expected = grid.double()
    for fired, noise in dense_draws(graph, draws, grid[:, 0]):
        expected = exact.tick(expected, fired, noise.double())
    assert difference(end.detach(), expected.detach()) < 2e-5
    assert torch.equal(end[:, 0], grid[:, 0])
    found = gradients(automaton, (end * factors).sum())
    for one, other in zip(found, gradients(exact, (expected * factors).sum()), strict=True):
        assert difference(one, other) < 2e-5


@needs_compiler
@given(
    inks=st.lists(st.sampled_from(INKS), min_size=1, max_size=4),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    seed=st.integers(0, 2**32),
    ticks=st.integers(1, 5),
    fire_rate=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_a_rollout_equals_the_dense_rule_in_values_and_gradients(
    inks: list[str], size: tuple[int, int], seed: int, ticks: int, fire_rate: float
) -> None:
    automaton = random_automaton(seed + 1, fire_rate=fire_rate, dtype=torch.float32)
    assert_equals_dense(automaton, single_grid(inks, size, seed), ticks)


@needs_compiler
def test_a_batch_of_digits_equals_the_dense_rule(few_digits: Digits) -> None:
    grid = with_random_state(few_digits[:8].liveness, seeded(3))
    assert_equals_dense(random_automaton(dtype=torch.float32), grid, 10)


@needs_compiler
def test_a_large_board_equals_the_dense_rule(few_digits: Digits) -> None:
    board = torch.zeros(1, 90, 120)
    for number in range(12):
        top, left = 30 * (number // 4), 30 * (number % 4)
        board[0, top : top + 28, left : left + 28] = few_digits[number : number + 1].liveness[0]
    board[0, 89, 110:] = 1
    assert_equals_dense(random_automaton(dtype=torch.float32), with_random_state(board, seeded(3)), 4)


def some_rollout(
    few_digits: Digits, count: int, ticks: int, seed: int
) -> tuple[CellGraph, Tensor, RandomDraws]:
    grid = with_random_state(few_digits[seed : seed + count].liveness, seeded(seed))
    graph = CellGraph.of(grid[:, 0])
    draws = random_draws(graph, random_automaton(dtype=torch.float32), ticks, seeded(seed))
    return graph, graph.gather(grid), draws


@needs_compiler
def test_the_number_of_threads_changes_no_bit(few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 7, 6, 1)
    results = []
    for threads in (1, 2, 3, 11):
        monkeypatch.setattr("ca.engine.native_backend.THREADS", threads)
        end = rollout(automaton, graph, cells, draws)
        results.append([end.detach(), *gradients(automaton, end.square().sum())])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@needs_compiler
def test_rollouts_of_several_threads_at_once(few_digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    rolls = [some_rollout(few_digits, 7, 30, seed) for seed in range(4)]
    expected = [rollout(automaton, *roll).detach() for roll in rolls]
    with ThreadPoolExecutor(len(rolls)) as threads:
        for _ in range(5):
            ends = threads.map(lambda roll: rollout(automaton, *roll).detach(), rolls)
            assert all(torch.equal(a, b) for a, b in zip(ends, expected, strict=True))


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork
def test_a_forked_process_has_threads_of_its_own(few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.native_backend.THREADS", 3)
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 7, 6, 1)
    expected = rollout(automaton, graph, cells, draws).detach()

    def work() -> None:
        before = len(os.listdir("/proc/self/task"))
        assert torch.equal(rollout(automaton, graph, cells, draws).detach(), expected)
        assert len(os.listdir("/proc/self/task")) == before + 2

    assert exit_code(in_child(work)) == 0


@needs_compiler
def test_rollouts_that_wait_for_their_backward_pass_do_not_share_memory(few_digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    rolls = [some_rollout(few_digits, count, 4, count) for count in (3, 8, 5)]
    alone = [gradients(automaton, rollout(automaton, *roll[:2], roll[2]).square().sum()) for roll in rolls]
    ends = [rollout(automaton, *roll[:2], roll[2]).square().sum() for roll in rolls]
    for end, expected in reversed(list(zip(ends, alone, strict=True))):
        for retained in (True, False):
            found = gradients(automaton, end, retain=retained)
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@needs_compiler
def test_without_gradients_the_values_are_the_same(few_digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 5, 7, 2)
    before = cells.clone()
    with torch.no_grad():
        without = rollout(automaton, graph, cells, draws)
    assert not without.requires_grad
    assert torch.equal(without, rollout(automaton, graph, cells, draws))
    assert torch.equal(cells, before)
    assert not torch.equal(without, cells)


@needs_compiler
def test_it_serves_single_precision_on_the_processor_and_gradients_of_weights() -> None:
    cells = torch.zeros(3, 20)
    single = tuple(random_automaton(dtype=torch.float32).parameters())
    assert serves(cells, single)
    assert not serves(cells.double(), single)
    assert not serves(cells, tuple(random_automaton().parameters()))
    assert not serves(cells.to("meta"), single)
    assert not serves(cells.clone().requires_grad_(), single)


@needs_compiler
def test_the_kernel_is_built_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert library.__wrapped__() is not None
    (kept,) = (tmp_path / "ca").iterdir()
    built = kept.stat().st_mtime_ns
    assert library.__wrapped__() is not None
    assert [path.stat().st_mtime_ns for path in (tmp_path / "ca").iterdir()] == [built]


def test_without_a_compiler_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert library.__wrapped__() is None
    (told,) = capsys.readouterr().err.splitlines()
    assert "no C++ compiler" in told
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library.__wrapped__() is None
    assert "no C++ compiler" in capsys.readouterr().err


def test_without_the_kernel_pytorch_does_it(few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 3, 4, 2)
    expected = rollout(automaton, graph, cells, draws).detach()
    monkeypatch.setattr("ca.engine.native_backend.library", lambda: None)
    assert not serves(cells, tuple(automaton.parameters()))
    end = rollout(automaton, graph, cells, draws)
    assert difference(end.detach(), expected.double()) < 1e-5
    assert any(gradient.any() for gradient in gradients(automaton, end.sum()))


@needs_compiler
def test_a_compiler_that_fails_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho first >&2\necho 'the disk is full' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", str(broken))
    assert library.__wrapped__() is None
    (told,) = capsys.readouterr().err.splitlines()
    assert told.endswith("the disk is full")
    assert not list(tmp_path.glob("ca/*.so"))


@needs_compiler
def test_a_home_that_can_not_be_written_to_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    leave: list[tuple[Any, ...]] = []
    monkeypatch.setattr("atexit.register", lambda *what, **how: leave.append(what))
    assert library.__wrapped__() is not None
    ((work, folder),) = leave
    assert folder.is_dir()
    work(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_compiler
def test_both_engines_train_alike(few_digits: Digits) -> None:
    """Ten steps of gradient descent by each: the weights stay together."""
    ends = []
    for roll in ("native", "torch"):
        automaton = random_automaton(dtype=torch.float32)
        for step in range(10):
            graph, cells, draws = some_rollout(few_digits, 4, 5, step)
            end = (
                rollout(automaton, graph, cells, draws)
                if roll == "native"
                else torch_rollout(automaton, graph, cells, draws)
            )
            loss = (end[: graph.num_alive, 10:] - 0.5).square().mean()
            with torch.no_grad():
                for p, g in zip(automaton.parameters(), gradients(automaton, loss), strict=True):
                    p -= 0.01 * g / (g.norm() + 1e-8)
        ends.append([p.detach() for p in automaton.parameters()])
    for native, torch_weights in zip(*ends, strict=True):
        assert difference(native, torch_weights.double()) < 1e-4


@needs_compiler
@torch.no_grad()
def test_what_is_seen_of_each_tick_equals_what_pytorch_sees(few_digits: Digits) -> None:
    grid = with_random_state(few_digits[:6].liveness, seeded(3))
    grid[[1, 5]] = 0  # digits without ink; the last one is in no cell's batch number
    graph, automaton = CellGraph.of(grid[:, 0]), random_automaton(dtype=torch.float32)
    draws, cells = random_draws(graph, automaton, 7, seeded(1)), graph.gather(grid)
    after, seen = observe(automaton, graph, cells, draws)
    automaton.double()
    exact = replace(draws, noise=draws.noise.double())
    expected_after, expected = torch_observe(automaton, graph, cells.double(), exact)
    assert difference(after, expected_after) < 2e-5
    assert torch.equal(seen.votes, expected.votes)
    assert (seen.votes.sum((1, 2)) == graph.num_alive).all()
    assert difference(seen.abs_state, expected.abs_state) < 1e-5
    assert difference(seen.abs_residual, expected.abs_residual) < 1e-5


def threefry(key: list[int], number: np.ndarray, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """Threefry-2x32-20 as its paper writes it, for counters (number, stream << 31)."""
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    keys = [np.uint32(word) for word in (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)]
    x, y = number.astype(np.uint32) + keys[0], np.full_like(number, stream << 31, np.uint32) + keys[1]
    for step in range(20):
        x = x + y
        bits = rotations[step % 8]
        y = (y << np.uint32(bits) | y >> np.uint32(32 - bits)) ^ x
        if step % 4 == 3:
            turn = step // 4 + 1
            x, y = x + keys[turn % 3], y + keys[(turn + 1) % 3] + np.uint32(turn)
    return x, y


def test_the_reference_of_threefry_gives_the_known_answer() -> None:
    """From the test vectors of Random123: key and counter zero."""
    x, y = threefry([0, 0], np.zeros(1, np.int64), 0)
    assert (int(x[0]), int(y[0])) == (0x6B200159, 0x99BA4EFE)


def in_pairs_of_vectors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first.reshape(-1, 16), second.reshape(-1, 16)], 1).flatten()


@needs_compiler
def test_random_draws_are_threefry_and_its_noise_is_normal() -> None:
    ticks, cells, rate = 3, 1001, 0.3
    draws = native_draws(ticks, cells, rate, 2.0, seeded(5))
    fires, noise, counts = draws.fires, draws.noise, draws.counts
    key = torch.randint(2**32, (2,), generator=seeded(5)).tolist()
    x, y = threefry(key, np.arange(1504), 0)
    expected = in_pairs_of_vectors(x, y)[: ticks * cells] < rate * 2**32
    assert np.array_equal(fires.numpy().flatten(), expected)

    assert counts == expected.reshape(ticks, cells).sum(1).tolist()
    assert noise.shape == (expected.sum(), 19)
    x, y = threefry(key, np.arange((noise.numel() // 32 + 1) * 16), 1)
    radius = np.sqrt(-2 * np.log((np.float64(x >> np.uint32(9)) + 0.5) / 2**23))
    angle = ((np.float64(y >> np.uint32(9)) + 0.5) / 2**23 - 0.5) * np.pi / 2
    swapped, sign = y & 1 == 1, np.where(y & 2, -1, 1)
    one, other = (
        radius * sign * np.where(swapped == first, np.sin(angle), np.cos(angle)) for first in (True, False)
    )
    expected = 2 * in_pairs_of_vectors(one, other)[: noise.numel()]
    assert np.abs(noise.numpy().flatten() - expected).max() < 5e-5
    assert distance_to_normal(noise.numpy().flatten() / 2) < 1.63 / noise.numel() ** 0.5


def distance_to_normal(numbers: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance; over 1.63 / root(n) in one of 100 normal samples."""
    normal = 0.5 * (1 + torch.erf(torch.from_numpy(np.sort(numbers)).double() / 2**0.5)).numpy()
    ranks = np.arange(len(numbers) + 1) / len(numbers)
    return float(max((normal - ranks[:-1]).max(), (ranks[1:] - normal).max()))


@needs_compiler
def test_random_draws_are_the_same_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("ca.engine.native_backend.THREADS", threads)
        draws.append(native_draws(7, 5000, 0.5, 0.02, seeded(1)))
    for other in draws[1:]:
        assert torch.equal(other.fires, draws[0].fires)
        assert torch.equal(other.noise, draws[0].noise)
