"""The compiled kernel built for other sizes of the automaton, and for none at all."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.helpers import random_automaton, seeded
from support.kernel import assert_equals_dense, gradients, grid_of, needs_compiler, quick_compiler
from support.sizes import ARTICLE

from ca.architecture import Architecture
from ca.engine.graph import CellGraph
from ca.engine.native_backend import native_draws, native_observe, native_rollout
from ca.engine.torch_backend import torch_observe

OTHER = [
    # whole vectors, but a last block of four rows; a row of the state that fills its cache line
    Architecture(communication_channels=5, hidden=(64, 64)),
    # one layer that is narrower than a vector
    Architecture(communication_channels=0, classes=2, hidden=(1,)),
    # four layers, wider and narrower than what the taps send back
    Architecture(communication_channels=28, classes=5, hidden=(202, 17, 256, 3)),
    # more classes than a cell has channels to communicate
    Architecture(communication_channels=2, classes=64, hidden=(33, 32, 48)),
]


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Of 2 to 40 communication channels, 2 to 64 classes, and one to four layers of 1 to 256."""
    widths = st.one_of(st.integers(1, 256), st.sampled_from([16, 32, 64, 80, 128]))
    return Architecture(
        communication_channels=draw(st.integers(2, 40)),
        classes=draw(st.integers(2, 64)),
        hidden=tuple(draw(st.lists(widths, min_size=1, max_size=4))),
        alive_threshold=draw(st.sampled_from([0.0, 0.1, 0.5])),
    )


@pytest.fixture(scope="module")
def quickly_built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kernels are built without optimisation, and not kept."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patches.setenv("CXX", quick_compiler())
        yield


def assert_equals_dense_rule(architecture: Architecture, *, gradients_jump: bool) -> None:
    """Compare values, gradients and votes of the kernel with those of the dense rule in float64."""
    for inks, size, ticks in (
        (["mixed", "all alive", "sparse"], (9, 8), 4),
        (["one alive"], (3, 3), 2),
        (["all alive"], (17, 13), 2),
    ):
        automaton = random_automaton(fire_rate=0.7, dtype=torch.float32, architecture=architecture)
        grid = grid_of(inks, size, seed=1, architecture=automaton.architecture)
        assert grid.shape[1] == architecture.channels
        assert_equals_dense(automaton, grid, ticks, gradients_jump=gradients_jump)
        graph = CellGraph.of(grid[:, 0], automaton.architecture)
        draws = native_draws(automaton.architecture, ticks, graph.num_alive, 0.7, seeded(1))
        _, seen = native_observe(automaton, graph, graph.gather(grid), draws)
        _, expected = torch_observe(automaton, graph, graph.gather(grid), draws)
        assert torch.equal(seen.votes, expected.votes)


@needs_compiler
@pytest.mark.parametrize("architecture", OTHER, ids=str)
@pytest.mark.usefixtures("quickly_built")
def test_other_sizes_equal_the_dense_rule(architecture: Architecture) -> None:
    assert_equals_dense_rule(architecture, gradients_jump=False)


@needs_compiler
@given(architecture=architectures())
@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@pytest.mark.usefixtures("quickly_built")
def test_any_sizes_equal_the_dense_rule(architecture: Architecture) -> None:
    assert_equals_dense_rule(architecture, gradients_jump=True)


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
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    cells = graph.gather(grid)
    draws = native_draws(ARTICLE, ticks, graph.num_alive, 1.0, seeded(1))
    end = native_rollout(automaton, graph, cells, draws)
    assert torch.equal(end, cells)
    assert not any(gradient.any() for gradient in gradients(automaton, end.sum()))
    after, observation = native_observe(automaton, graph, cells, draws)
    assert torch.equal(after, cells)
    assert observation.votes.shape == (ticks, len(inks), 10)
    assert not observation.votes.any()
    assert observation.abs_state.tolist() == observation.abs_residual.tolist() == [0.0] * ticks
