"""The compiled kernel against the dense rule and the PyTorch engine."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import INKS, exit_code, in_child, random_automaton, seeded, with_random_state
from support.kernel import (
    assert_equals_dense,
    difference,
    gradients,
    grid_of,
    needs_compiler,
    some_rollout,
)
from support.sizes import ARTICLE

from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.engine.native_backend import serves
from ca.engine.rollout import observe, random_draws, rollout
from ca.engine.torch_backend import torch_observe, torch_rollout


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
    assert_equals_dense(automaton, grid_of(inks, size, seed), ticks)


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


@needs_compiler
def test_the_number_of_threads_changes_no_bit(few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 7, 6, 1)
    results = []
    for threads in (1, 2, 3, 11):
        monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda threads=threads: threads)
        end = rollout(automaton, graph, cells, draws)
        results.append([end.detach(), *gradients(automaton, end.square().sum())])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@needs_compiler
def test_the_cells_of_a_large_digit_are_shared_without_changing_a_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A single digit has several slices of cells, and fewer digits than threads."""
    automaton, ticks = random_automaton(dtype=torch.float32), 3
    grid = grid_of(["all alive"], (96, 80), 5)
    assert_equals_dense(automaton, grid, ticks, gradients_jump=True)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    cells, draws = graph.gather(grid), random_draws(graph, automaton, ticks, seeded(1))
    results = []
    for threads in (1, 2, 3, 11):
        monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda threads=threads: threads)
        end = rollout(automaton, graph, cells, draws)
        last, seen = observe(automaton, graph, cells, draws)
        observed = [seen.votes, seen.abs_state, seen.abs_residual]
        results.append([end.detach(), *gradients(automaton, end.square().sum()), last, *observed])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork
def test_a_large_digit_has_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda: 3)
    automaton = random_automaton(dtype=torch.float32)
    grids = [grid_of(["all alive"], size, 5) for size in ((20, 20), (96, 80))]
    graphs = [CellGraph.of(grid[:, 0], ARTICLE) for grid in grids]
    rolls = [
        (graph, graph.gather(grid), random_draws(graph, automaton, 1, seeded(1)))
        for graph, grid in zip(graphs, grids, strict=True)
    ]
    rollout(automaton, *rolls[0])  # chooses the engine

    def work() -> None:
        threads = []
        for roll in rolls:
            rollout(automaton, *roll)
            threads.append(len(os.listdir("/proc/self/task")))
        assert threads[1] == threads[0] + 2

    assert exit_code(in_child(work)) == 0


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
    monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda: 3)
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 7, 6, 1)
    expected = rollout(automaton, graph, cells, draws).detach()

    def work() -> None:
        before = len(os.listdir("/proc/self/task"))
        assert torch.equal(rollout(automaton, graph, cells, draws).detach(), expected)
        assert len(os.listdir("/proc/self/task")) == before + 2

    assert exit_code(in_child(work)) == 0


@needs_compiler
def test_rollouts_that_await_their_backward_pass_do_not_share_memory(few_digits: Digits) -> None:
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
def test_the_kernel_serves_float32_on_the_cpu_and_gradients_of_weights() -> None:
    cells = torch.zeros(3, 20)
    single = random_automaton(dtype=torch.float32)
    assert serves(single, cells)
    assert not serves(single, cells.double())
    assert not serves(random_automaton(), cells)
    assert not serves(single, cells.to("meta"))
    assert not serves(single, cells.clone().requires_grad_())


def test_without_the_kernel_pytorch_computes(few_digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    automaton = random_automaton(dtype=torch.float32)
    graph, cells, draws = some_rollout(few_digits, 3, 4, 2)
    expected = rollout(automaton, graph, cells, draws).detach()
    monkeypatch.setattr("ca.engine.native_backend.library", lambda _: None)
    assert not serves(automaton, cells)
    end = rollout(automaton, graph, cells, draws)
    assert difference(end.detach(), expected.double()) < 1e-5
    assert any(gradient.any() for gradient in gradients(automaton, end.sum()))


@needs_compiler
def test_both_engines_train_to_the_same_weights(few_digits: Digits) -> None:
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
def test_the_observation_of_each_tick_equals_that_of_the_pytorch_engine(few_digits: Digits) -> None:
    grid = with_random_state(few_digits[:6].liveness, seeded(3))
    grid[[1, 5]] = 0  # digits without ink; the last one is in no cell's batch number
    graph, automaton = CellGraph.of(grid[:, 0], ARTICLE), random_automaton(dtype=torch.float32)
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
