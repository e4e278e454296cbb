"""Compare the compiled kernel with the dense rule, for sizes given as NAME=NUMBER.

The sizes are set before any module that uses them is imported, as if they had been edited.
"""

import sys

import ca.sizes

for name, number in (argument.split("=") for argument in sys.argv[1:]):
    vars(ca.sizes)[name] = int(number)
vars(ca.sizes)["CHANNELS"] = 1 + ca.sizes.STATE_CHANNELS

import torch  # noqa: E402

from ca.engine.graph import CellGraph  # noqa: E402
from ca.engine.kernel.build import SIZES, library  # noqa: E402
from ca.engine.native_backend import native_draws, native_observe  # noqa: E402
from ca.engine.torch_backend import torch_observe  # noqa: E402
from support.helpers import random_automaton, seeded  # noqa: E402
from support.kernel import assert_equals_dense, grid_of  # noqa: E402

assert library() is not None
assert all(any(size.endswith(argument) for size in SIZES) for argument in sys.argv[1:])
torch.set_num_threads(2)

for inks, size, ticks in (
    (["mixed", "all alive", "sparse"], (9, 8), 4),
    (["one alive"], (3, 3), 2),
    (["all alive"], (17, 13), 3),
):
    automaton = random_automaton(fire_rate=0.7, dtype=torch.float32)
    grid = grid_of(inks, size, seed=1)
    assert grid.shape[1] == ca.sizes.CHANNELS
    assert_equals_dense(automaton, grid, ticks)

    graph = CellGraph.of(grid[:, 0])
    draws = native_draws(ticks, graph.num_alive, 0.7, 0.02, seeded(1))
    _, seen = native_observe(automaton, graph, graph.gather(grid), draws)
    _, expected = torch_observe(automaton, graph, graph.gather(grid), draws)
    assert torch.equal(seen.votes, expected.votes)
print("equal")
