"""The compiled kernel built for other sizes of the automaton, and for none at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import random_automaton, seeded
from support.kernel import assert_equals_dense, gradients, grid_of, needs_compiler, quick_compiler

from ca.engine.graph import CellGraph
from ca.engine.native_backend import native_draws, native_observe, native_rollout

SCRIPT = Path(__file__).parents[1] / "support" / "other_sizes.py"


@needs_compiler
@pytest.mark.parametrize(
    "sizes",
    [
        # whole vectors, but a last block of four rows; a row of the state that fills its cache line
        ["HIDDEN=64", "STATE_CHANNELS=15"],
        # no whole vectors; wider than what the taps send back
        ["HIDDEN=202", "STATE_CHANNELS=33", "NUM_CLASSES=5"],
    ],
    ids=" ".join,
)
def test_other_sizes_equal_the_dense_rule(sizes: list[str], tmp_path: Path) -> None:
    paths = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(SCRIPT.parents[1])}
    environment = os.environ | paths | {"CXX": quick_compiler()}
    command = [sys.executable, str(SCRIPT), *sizes]
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == ["equal"]


@needs_compiler
@given(
    inks=st.lists(st.sampled_from(["none", "all faint", "one alive"]), max_size=3),
    size=st.sampled_from([(1, 1), (4, 5)]),
    ticks=st.integers(1, 2),
    fire_rate=st.sampled_from([0.0, 1.0]),
)
def test_no_digits_and_no_cells_equal_the_dense_rule(
    inks: list[str], size: tuple[int, int], ticks: int, fire_rate: float
) -> None:
    automaton = random_automaton(fire_rate=fire_rate, dtype=torch.float32)
    assert_equals_dense(automaton, grid_of(inks, size, 1), ticks)


@needs_compiler
@pytest.mark.parametrize(
    "inks", [[], ["none"], ["all faint", "none"], ["mixed", "none", "all alive"]], ids=str
)
@pytest.mark.parametrize(("size", "ticks"), [((5, 4), 0), ((0, 4), 0), ((5, 0), 3)])
def test_no_ticks_and_no_pixels_change_nothing(inks: list[str], size: tuple[int, int], ticks: int) -> None:
    if 0 in size:
        inks = ["none" for _ in inks]
    automaton, grid = random_automaton(dtype=torch.float32), grid_of(inks, size, 1)
    graph = CellGraph.of(grid[:, 0])
    cells = graph.gather(grid)
    draws = native_draws(ticks, graph.num_alive, 1.0, 0.02, seeded(1))
    end = native_rollout(automaton, graph, cells, draws)
    assert torch.equal(end, cells)
    assert not any(gradient.any() for gradient in gradients(automaton, end.sum()))
    after, observation = native_observe(automaton, graph, cells, draws)
    assert torch.equal(after, cells)
    assert observation.votes.shape == (ticks, len(inks), 10)
    assert not observation.votes.any()
    assert observation.abs_state.tolist() == observation.abs_residual.tolist() == [0.0] * ticks
