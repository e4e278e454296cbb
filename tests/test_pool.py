"""The pool: what is drawn, what of it is renewed, and what is written back."""

import pytest
import torch
from support.helpers import FIRST_GREY, numbered_digits, numbers_of, seeded
from support.sizes import ARTICLE
from torch import Tensor

from ca.data.digits import Digits
from ca.data.source import DigitSource
from ca.engine.graph import CellGraph
from ca.pool import Batch, Pool
from ca.settings.choices import Regime

SIZE, BATCH, QUARTER = 14, 8, 2
REGIMES: list[Regime] = ["persistent", "mutating"]


def make_pool(regime: Regime, *, seed: int = 0, size: int = SIZE, digits: Digits | None = None) -> Pool:
    """Make a pool whose alive cells have random state, as after some steps."""
    pool = Pool(
        DigitSource(numbered_digits() if digits is None else digits), size, regime, seeded(seed), ARTICLE
    )
    state = torch.randn(pool.grid[:, 1:].shape, generator=seeded(seed + 1))
    pool.grid[:, 1:] = state * (pool.grid[:, :1] > 0.1)
    return pool


def write_back(pool: Pool, batch: Batch, seed: int) -> Tensor:
    """Change a batch's alive cells somehow, and write them back; returns the batch's grid then."""
    graph = CellGraph.of(batch.grid[:, 0], ARTICLE)
    cells = graph.gather(batch.grid)
    cells[: graph.num_alive, 1:] += torch.randn(graph.num_alive, 19, generator=seeded(seed))
    cells[graph.num_alive :] = torch.nan
    pool.write_back(batch, graph, cells)
    return graph.scatter(cells, batch.grid)


def assert_labels_belong(grid: Tensor, labels: Tensor) -> None:
    """Check each image and its label against the digits, by the number that the image encodes."""
    digits = numbered_digits()
    for image, label in zip(grid, labels.tolist(), strict=True):
        number = int(numbers_of(image.unsqueeze(0)))
        assert label == number % 10
        assert torch.equal(image[0], digits.images[number] / 255)


@pytest.mark.parametrize("regime", ["naive", *REGIMES])
def test_a_new_pool_holds_newborn_digits_with_their_labels(regime: Regime) -> None:
    pool = Pool(DigitSource(numbered_digits()), SIZE, regime, seeded(0), ARTICLE)
    assert pool.grid.shape == (SIZE, 20, 5, 4)
    assert not pool.grid[:, 1:].any()
    assert_labels_belong(pool.grid, pool.labels)
    assert len(set(numbers_of(pool.grid).tolist())) > 1


@pytest.mark.parametrize("regime", REGIMES)
def test_a_batch_is_drawn_without_replacement_from_the_whole_pool(regime: Regime) -> None:
    pool = make_pool(regime)
    drawn = set()
    for _ in range(30):
        batch = pool.draw(BATCH)
        indices = batch.indices.tolist()
        assert len(indices) == len(set(indices)) == BATCH
        drawn |= set(indices)
    assert drawn == set(range(SIZE))


@pytest.mark.parametrize("regime", REGIMES)
def test_a_batch_as_large_as_the_pool_takes_every_sample_once(regime: Regime) -> None:
    batch = make_pool(regime, size=BATCH).draw(BATCH)
    assert sorted(batch.indices.tolist()) == list(range(BATCH))


@pytest.mark.parametrize("regime", REGIMES)
def test_the_first_quarter_is_reseeded(regime: Regime) -> None:
    pool = make_pool(regime)
    fresh = set()
    for _ in range(40):
        batch = pool.draw(BATCH)
        assert not batch.grid[:QUARTER, 1:].any()
        assert_labels_belong(batch.grid[:QUARTER], batch.labels[:QUARTER])
        fresh |= set(numbers_of(batch.grid[:QUARTER]).tolist())
    assert fresh == set(range(23)), "of all digits, not only of those in the pool"


@pytest.mark.parametrize("regime", REGIMES)
def test_the_middle_of_a_batch_is_as_it_is_in_the_pool(regime: Regime) -> None:
    for seed in range(10):
        pool = make_pool(regime, seed=seed)
        grid, labels = pool.grid.clone(), pool.labels.clone()
        batch = pool.draw(BATCH)
        middle = slice(QUARTER, BATCH - QUARTER)
        assert torch.equal(batch.grid[middle], grid[batch.indices[middle]])
        assert torch.equal(batch.labels[middle], labels[batch.indices[middle]])
        assert batch.grid[middle, 1:].any()


def test_the_last_quarter_is_mutated() -> None:
    numbers, kept_cells, cleared_cells = set(), 0, 0
    for seed in range(40):
        pool = make_pool("mutating", seed=seed)
        old = pool.grid.clone()
        batch = pool.draw(BATCH)
        last = slice(BATCH - QUARTER, BATCH)
        assert_labels_belong(batch.grid[last], batch.labels[last])
        numbers |= set(numbers_of(batch.grid[last]).tolist())
        for mutated, place in zip(batch.grid[last], batch.indices[last].tolist(), strict=True):
            before = old[place]
            for y in range(5):
                for x in range(4):
                    if before[0, y, x] > 0.1 and mutated[0, y, x] > 0.1:
                        assert torch.equal(mutated[1:, y, x], before[1:, y, x])
                        kept_cells += 1
                    else:
                        assert not mutated[1:, y, x].any()
                        cleared_cells += bool(before[1:, y, x].any())
    assert numbers == set(range(23))
    assert kept_cells > 0
    assert cleared_cells > 0


def test_a_persistent_pool_reseeds_the_last_quarter_too() -> None:
    pool = make_pool("persistent")
    numbers = set()
    for _ in range(40):
        batch = pool.draw(BATCH)
        last = slice(BATCH - QUARTER, BATCH)
        assert not batch.grid[last, 1:].any()
        assert_labels_belong(batch.grid[last], batch.labels[last])
        numbers |= set(numbers_of(batch.grid[last]).tolist())
    assert numbers == set(range(23))


@pytest.mark.parametrize("regime", ["naive", *REGIMES])
def test_drawing_changes_what_is_drawn_and_a_batch_is_a_copy(regime: Regime) -> None:
    pool = make_pool(regime)
    grid, labels = pool.grid.clone(), pool.labels.clone()
    batch = pool.draw(BATCH)
    others = torch.ones(SIZE, dtype=torch.bool)
    others[batch.indices] = False
    assert torch.equal(pool.grid[others], grid[others])
    assert torch.equal(pool.labels[others], labels[others])
    assert torch.equal(pool.grid[batch.indices], batch.grid)
    assert torch.equal(pool.labels[batch.indices], batch.labels)
    grid, labels = pool.grid.clone(), pool.labels.clone()
    batch.grid.fill_(3)
    batch.labels.fill_(3)
    assert torch.equal(pool.grid, grid)
    assert torch.equal(pool.labels, labels)


@pytest.mark.parametrize("regime", ["naive", *REGIMES])
def test_writing_back_changes_the_batch_s_alive_cells_and_nothing_else(regime: Regime) -> None:
    pool = make_pool(regime)
    batch = pool.draw(BATCH)
    expected, labels = pool.grid.clone(), pool.labels.clone()
    expected[batch.indices] = write_back(pool, batch, 5)
    assert torch.equal(pool.grid, expected)
    assert torch.equal(pool.labels, labels)
    assert not torch.equal(expected[batch.indices], batch.grid)


@pytest.mark.parametrize("regime", REGIMES)
def test_labels_travel_with_their_digits(regime: Regime) -> None:
    pool = make_pool(regime)
    started_with = numbers_of(pool.grid)
    for step in range(25):
        batch = pool.draw(BATCH)
        assert_labels_belong(batch.grid, batch.labels)
        write_back(pool, batch, step)
        assert_labels_belong(pool.grid, pool.labels)
    assert not torch.equal(numbers_of(pool.grid), started_with)


def test_a_naive_batch_is_all_fresh() -> None:
    pool = make_pool("naive")
    for step in range(10):
        batch = pool.draw(BATCH)
        assert not batch.grid[:, 1:].any()
        assert_labels_belong(batch.grid, batch.labels)
        write_back(pool, batch, step)


def test_every_digit_can_be_drawn_the_last_one_too() -> None:
    pool = make_pool("naive", size=600)
    assert set(numbers_of(pool.draw(600).grid).tolist()) == set(range(23))
    start = Pool(DigitSource(numbered_digits()), 600, "mutating", seeded(9), ARTICLE)
    assert set(numbers_of(start.grid).tolist()) == set(range(23))


@pytest.mark.parametrize("regime", ["naive", *REGIMES])
def test_the_same_generator_seed_repeats_the_batches(regime: Regime) -> None:
    first, again, other = (make_pool(regime, seed=seed) for seed in (1, 1, 2))
    numbers = []
    for pool in (first, again, other):
        batches = [pool.draw(BATCH) for _ in range(3)]
        numbers.append([(numbers_of(batch.grid).tolist(), batch.labels.tolist()) for batch in batches])
    assert numbers[0] == numbers[1]
    assert numbers[0] != numbers[2]


def test_the_numbered_digits_tell_who_they_are() -> None:
    """The tests above lean on this."""
    digits = numbered_digits()
    assert digits.images[:, 0, 0].tolist() == [FIRST_GREY + number for number in range(23)]
    assert digits.labels.tolist() == [number % 10 for number in range(23)]
