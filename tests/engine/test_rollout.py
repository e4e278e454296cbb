"""The alive-only engine, against the dense rule, finite differences and what must hold of any rollout."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import (
    INKS,
    dense_draws,
    random_automaton,
    random_liveness,
    seeded,
    with_random_state,
)
from support.sizes import ARTICLE
from torch import Tensor
from torch.testing import assert_close

from ca.data.digits import Digits
from ca.engine.graph import CellGraph, RandomDraws
from ca.engine.rollout import random_draws, rollout
from ca.engine.torch_backend import torch_rollout
from ca.model import CellularAutomaton

grids = st.tuples(
    st.lists(st.sampled_from(INKS), min_size=1, max_size=3),
    st.one_of(
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        st.sampled_from([(1, 1), (1, 7), (7, 1), (2, 9)]),
    ),
    st.integers(0, 2**32),
)
Grids = tuple[list[str], tuple[int, int], int]


def make_grid(grids: Grids) -> Tensor:
    inks, (height, width), seed = grids
    generator = seeded(seed)
    liveness = torch.stack([random_liveness(ink, height, width, generator) for ink in inks])
    return with_random_state(liveness, generator)


def rolled_out(automaton: CellularAutomaton, grid: Tensor, graph: CellGraph, draws: RandomDraws) -> Tensor:
    """Roll out with the engine, from grid to grid."""
    return graph.scatter(rollout(automaton, graph, graph.gather(grid), draws), grid)


def rolled_out_densely(
    automaton: CellularAutomaton, grid: Tensor, graph: CellGraph, draws: RandomDraws
) -> Tensor:
    """Roll out with the dense rule, on the masks and noise of an engine's chance."""
    for fired, noise in dense_draws(graph, draws, grid[:, 0].detach()):
        grid = automaton.tick(grid, fired, noise)
    return grid


def assert_equals_dense(automaton: CellularAutomaton, grid: Tensor, ticks: int, tolerance: float) -> None:
    """Compare values and gradients (grid, all parameters) of both for a random sum of the final states.

    Pixels without ink have no row in the engine, and so no gradient: they are left out.
    """
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, ticks, seeded(7))
    factors = torch.randn(grid.shape, dtype=grid.dtype, generator=seeded(8))
    results = []
    for roll in (rolled_out, rolled_out_densely):
        start = grid.clone().requires_grad_()
        end = roll(automaton, start, graph, draws)
        automaton.zero_grad(set_to_none=True)
        (end * factors).sum().backward()
        assert start.grad is not None
        inked = start.grad * (grid[:, :1] > 0)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in automaton.parameters()]
        results.append([end.detach(), inked, *gradients])
    names = ["values", "grid", *(name for name, _ in automaton.named_parameters())]
    for name, engine, dense in zip(names, *results, strict=True):
        assert_close(
            engine, dense, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@given(grids=grids, ticks=st.integers(0, 5), fire_rate=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_rollout_equals_the_dense_rule_in_values_and_gradients(
    grids: Grids, ticks: int, fire_rate: float
) -> None:
    automaton = random_automaton(grids[2] + 1, fire_rate=fire_rate)
    assert_equals_dense(automaton, make_grid(grids), ticks, 1e-10)


def test_a_batch_with_an_empty_image_equals_the_dense_rule() -> None:
    grid = make_grid((["mixed", "none", "all alive"], (5, 4), 1))
    assert_equals_dense(random_automaton(), grid, 4, 1e-10)


def test_a_faint_pixel_is_seen_by_its_neighbours_but_never_changes() -> None:
    automaton = random_automaton(fire_rate=1, noise=0)
    with_faint = make_grid((["all alive"], (3, 3), 2))
    with_faint[0, :, 1, 1] = 0
    without = with_faint.clone()
    with_faint[0, 0, 1, 1] = 0.09
    ends = []
    for grid in (with_faint, without):
        graph = CellGraph.of(grid[:, 0], ARTICLE)
        assert graph.num_alive == 8
        ends.append(rolled_out(automaton, grid, graph, random_draws(graph, automaton, 1, seeded(0))))
    differs = (ends[0] != ends[1])[0, 1:].any(0)
    assert differs.tolist() == [[True] * 3, [True, False, True], [True] * 3]
    assert ends[0][0, :, 1, 1].tolist() == [0.09] + [0.0] * 19


def test_a_larger_board_with_several_digits_equals_the_dense_rule(few_digits: Digits) -> None:
    """Boards other than 28 x 28, such as the page's: digits anywhere, at the edge too."""
    board = torch.zeros(1, 60, 75, dtype=torch.float64)
    for digit, (top, left) in enumerate([(0, 0), (32, 47), (5, 40), (30, 3)]):
        board[0, top : top + 28, left : left + 28] = few_digits[digit : digit + 1].liveness[0]
    board[0, 59, 70:75] = 1
    grid = with_random_state(board, seeded(3))
    assert int((board > 0.1).sum()) > 400
    assert_equals_dense(random_automaton(), grid, 4, 1e-10)


def test_finite_differences_agree_with_the_gradient_of_the_cells() -> None:
    automaton = random_automaton()
    grid = make_grid((["mixed", "sparse"], (3, 3), 4))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    assert 0 < graph.num_alive < len(graph.neighbours), "there are alive cells and faint ones"
    draws = random_draws(graph, automaton, 3, seeded(1))
    rows = graph.gather(grid)[:-1].requires_grad_()

    def with_rows(rows: Tensor) -> Tensor:
        return rollout(automaton, graph, torch.cat([rows, rows.new_zeros(1, 20)]), draws)

    assert torch.autograd.gradcheck(with_rows, (rows,))


def test_finite_differences_agree_with_the_gradients_of_the_parameters() -> None:
    automaton = random_automaton()
    grid = make_grid((["mixed", "none", "all alive"], (3, 2), 4))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    cells = graph.gather(grid)
    draws = random_draws(graph, automaton, 3, seeded(1))

    def with_weights(*weights: Tensor) -> Tensor:
        stand_in = SimpleNamespace(weights=lambda: weights)
        return torch_rollout(cast(CellularAutomaton, stand_in), graph, cells, draws)

    assert torch.autograd.gradcheck(with_weights, tuple(automaton.parameters()), fast_mode=True)


def test_a_second_backward_pass_gives_the_same_gradients() -> None:
    automaton = random_automaton()
    grid = make_grid((["mixed"], (5, 5), 4)).requires_grad_()
    graph = CellGraph.of(grid[:, 0].detach(), ARTICLE)
    total = rolled_out(automaton, grid, graph, random_draws(graph, automaton, 3, seeded(1))).square().sum()
    wanted = [grid, *automaton.parameters()]
    first = torch.autograd.grad(total, wanted, retain_graph=True)
    second = torch.autograd.grad(total, wanted)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@given(grids=grids, ticks=st.integers(0, 3))
def test_without_gradients_the_values_are_the_same(grids: Grids, ticks: int) -> None:
    automaton, grid = random_automaton(), make_grid(grids)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, ticks, seeded(1))
    with_gradients = rollout(automaton, graph, graph.gather(grid), draws)
    with torch.no_grad():
        without = rollout(automaton, graph, graph.gather(grid), draws)
    assert with_gradients.requires_grad
    assert not without.requires_grad
    assert torch.equal(with_gradients, without)


@pytest.mark.parametrize("gradients", [True, False])
def test_a_rollout_leaves_what_it_is_given_as_it_is(gradients: bool) -> None:
    automaton, grid = random_automaton(), make_grid((["mixed", "all alive"], (4, 5), 3))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, 3, seeded(1))
    cells = graph.gather(grid).requires_grad_(gradients)
    watched = [grid, cells, graph.neighbours, draws.fires, draws.noise, *automaton.parameters()]
    before = [tensor.detach().clone() for tensor in watched]
    with torch.set_grad_enabled(gradients):
        end = rollout(automaton, graph, cells, draws)
        graph.scatter(end, grid)
    if gradients:
        gradient = torch.ones_like(end)
        end.backward(gradient)
        assert bool((gradient == 1).all())
    assert not torch.equal(end, cells)
    assert all(torch.equal(tensor, kept) for tensor, kept in zip(watched, before, strict=True))


def test_zero_ticks_change_nothing_and_pass_the_gradient_through() -> None:
    automaton, grid = random_automaton(), make_grid((["mixed"], (4, 4), 3))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    cells = graph.gather(grid).requires_grad_()
    end = rollout(automaton, graph, cells, random_draws(graph, automaton, 0, seeded(1)))
    gradient = torch.randn(end.shape, dtype=end.dtype, generator=seeded(2))
    end.backward(gradient)
    assert torch.equal(end, cells)
    assert cells.grad is not None
    assert torch.equal(cells.grad, gradient)
    assert not any(p.grad.any() for p in automaton.parameters() if p.grad is not None)


def draws_of_one_digit(both: CellGraph, draws: RandomDraws, digit: int, alone: CellGraph) -> RandomDraws:
    """Pick what happens to one digit of a batch, in the rows of its own graph."""
    own = both.batch[: both.num_alive] == digit
    assert int(own.sum()) == alone.num_alive
    noise = [values[own[rows]] for rows, values in draws.by_tick()]
    return RandomDraws(draws.fires[:, own], torch.cat(noise), [len(values) for values in noise])


@given(grids=grids, ticks=st.integers(1, 4))
def test_the_digits_of_a_batch_never_meet(grids: Grids, ticks: int) -> None:
    automaton, grid = random_automaton(), make_grid(grids)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, ticks, seeded(1))
    with torch.no_grad():
        together = rolled_out(automaton, grid, graph, draws)
        for digit in range(len(grid)):
            own = grid[digit : digit + 1]
            alone = CellGraph.of(own[:, 0], ARTICLE)
            own_draws = draws_of_one_digit(graph, draws, digit, alone)
            end = rolled_out(automaton, own, alone, own_draws)
            assert_close(end[0], together[digit], rtol=1e-11, atol=1e-11)


@given(grids=grids, ticks=st.integers(1, 4))
def test_liveness_never_changes_and_dead_cells_stay_zero(grids: Grids, ticks: int) -> None:
    automaton, grid = random_automaton(fire_rate=0.8), make_grid(grids)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    with torch.no_grad():
        cells = rollout(
            automaton, graph, graph.gather(grid), random_draws(graph, automaton, ticks, seeded(1))
        )
    end = graph.scatter(cells, grid)
    assert torch.equal(end[:, 0], grid[:, 0])
    assert not (end[:, 1:] * (grid[:, :1] <= 0.1)).any()
    assert not cells[graph.num_alive :, 1:].any()
    assert not cells[-1].any()


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    place=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
    ticks=st.integers(1, 4),
)
def test_influence_spreads_one_cell_a_tick(
    height: int, width: int, place: tuple[float, float], ticks: int
) -> None:
    """All cells alive and firing: a change reaches all cells of a square, and none beyond."""
    automaton = random_automaton(fire_rate=1)
    grid = make_grid((["all alive", "all alive"], (height, width), 5))
    y, x = int(place[0] * height), int(place[1] * width)
    changed = grid.clone()
    changed[0, 5, y, x] += 1
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, ticks, seeded(1))
    with torch.no_grad():
        ends = [rolled_out(automaton, start, graph, draws) for start in (grid, changed)]
    differs = (ends[0] != ends[1]).any(1)
    expected = torch.zeros_like(differs)
    expected[0, max(0, y - ticks) : y + ticks + 1, max(0, x - ticks) : x + ticks + 1] = True
    assert torch.equal(differs, expected)


@pytest.mark.parametrize("fire_rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_cells_fire_at_the_fire_rate(fire_rate: float) -> None:
    grid = make_grid((["mixed", "all alive", "none"], (20, 20), 1))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    ticks = 50
    draws = random_draws(graph, random_automaton(fire_rate=fire_rate), ticks, seeded(3))
    fires = draws.fires.float()
    assert fires.shape == (ticks, graph.num_alive)
    draws = ticks * graph.num_alive
    deviation = (fire_rate * (1 - fire_rate) / draws) ** 0.5
    assert abs(fires.mean().item() - fire_rate) <= 5 * deviation
    # Each cell by itself, and each tick: no cell is always left out.
    for share in (fires.mean(0), fires.mean(1)):
        few = min(ticks, graph.num_alive)
        assert (share - fire_rate).abs().max().item() <= 6 * (fire_rate * (1 - fire_rate) / few) ** 0.5


def test_ticks_fire_independently() -> None:
    graph = CellGraph.of(make_grid((["all alive"], (40, 40), 1))[:, 0], ARTICLE)
    draws = random_draws(graph, random_automaton(fire_rate=0.5), 2, seeded(3))
    both = draws.fires.all(0).float().mean().item()
    assert both == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 1600) ** 0.5)


@pytest.mark.parametrize("noise", [0.0, 0.02, 1.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_noise_has_the_stated_deviation(noise: float, dtype: torch.dtype) -> None:
    automaton = random_automaton(noise=noise, dtype=dtype)
    graph = CellGraph.of(make_grid((["all alive"], (20, 20), 1))[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, 20, seeded(3))
    for fired, values in draws.by_tick():
        assert values.shape == (len(fired), 19)
        assert values.dtype == dtype
    values = draws.noise
    assert values.std().item() == pytest.approx(noise, rel=0.02)
    assert abs(values.mean().item()) <= 5 * noise / values.numel() ** 0.5
    if noise:
        assert len(values.unique()) > 0.99 * values.numel(), "drawn for each cell, channel and tick"


def test_the_same_generator_seed_gives_the_same_rollout() -> None:
    automaton, grid = random_automaton(), make_grid((["mixed"], (6, 6), 1))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    with torch.no_grad():
        first, again, other = (
            rolled_out(automaton, grid, graph, random_draws(graph, automaton, 4, seeded(seed)))
            for seed in (1, 1, 2)
        )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_single_precision_comes_close_to_double(few_digits: Digits) -> None:
    automaton = random_automaton()
    grid = with_random_state(few_digits[:4].liveness.double(), seeded(3))
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    draws = random_draws(graph, automaton, 5, seeded(1))
    single = replace(draws, noise=draws.noise.float())
    with torch.no_grad():
        double_end = rolled_out(automaton, grid, graph, draws)
        single_end = rolled_out(random_automaton().float(), grid.float(), graph, single)
    assert single_end.dtype == torch.float32
    assert_close(single_end.double(), double_end, rtol=1e-4, atol=1e-4)


def test_the_graph_of_a_small_image_is_as_drawn() -> None:
    """Worked by hand: rows 0-2 are alive, row 3 is faint, 4 stands for all that has no row."""
    graph = CellGraph.of(torch.tensor([[[0.5, 0.0, 0.1], [0.0, 1.0, 0.2]]], dtype=torch.float64), ARTICLE)
    assert graph.num_alive == 3
    assert list(zip(graph.y.tolist(), graph.x.tolist(), strict=True)) == [(0, 0), (1, 1), (1, 2), (0, 2)]
    assert graph.neighbours.tolist() == [
        [4, 4, 4, 4, 0, 4, 4, 4, 1],
        [0, 4, 3, 4, 1, 2, 4, 4, 4],
        [4, 3, 4, 1, 2, 4, 4, 4, 4],
        [4, 4, 4, 4, 3, 4, 1, 2, 4],
    ]


@given(grids=grids)
def test_gathering_takes_the_inked_cells_and_scattering_writes_the_alive_ones(grids: Grids) -> None:
    grid = make_grid(grids)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    cells = graph.gather(grid)
    assert cells.shape == (int((grid[:, 0] > 0).sum()) + 1, 20)
    assert not cells[-1].any()
    for row in range(len(cells) - 1):
        assert torch.equal(cells[row], grid[graph.batch[row], :, graph.y[row], graph.x[row]])
    written = graph.scatter(cells + 5, grid)
    alive = grid[:, :1] > 0.1
    assert torch.equal(written, torch.where(alive, grid + 5, grid))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_rollout_on_cuda_equals_one_on_the_processor() -> None:
    grid = make_grid((["mixed", "none", "all alive", "sparse"], (9, 8), 1))
    results = []
    for device in ("cpu", "cuda"):
        automaton = random_automaton().to(device)
        start = grid.to(device).requires_grad_()
        graph = CellGraph.of(start[:, 0].detach(), ARTICLE)
        draws = random_draws(CellGraph.of(grid[:, 0], ARTICLE), random_automaton(), 4, seeded(1))
        moved = RandomDraws(draws.fires.to(device), draws.noise.to(device), draws.counts)
        end = rolled_out(automaton, start, graph, moved)
        gradients = torch.autograd.grad(end.square().sum(), [start, *automaton.parameters()])
        results.append([end.detach().cpu(), *(gradient.cpu() for gradient in gradients)])
    for processor, cuda in zip(*results, strict=True):
        assert_close(cuda, processor, rtol=1e-10, atol=1e-10)
