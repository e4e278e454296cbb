"""What a cell is: liveness, start state, mutation, outputs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import INKS, random_liveness, seeded, with_random_state
from support.sizes import ARTICLE

from ca.cells import alive, mutate, newborn, outputs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_cell_is_alive_above_a_tenth_and_not_at_it(dtype: torch.dtype) -> None:
    threshold = torch.tensor(0.1, dtype=dtype)
    above = torch.nextafter(threshold, torch.tensor(1, dtype=dtype))
    below = torch.nextafter(threshold, torch.tensor(0, dtype=dtype))
    greys = torch.stack([torch.zeros_like(threshold), below, threshold, above, torch.ones_like(threshold)])
    assert alive(greys, ARTICLE).tolist() == [False, False, False, True, True]


def test_grey_values_from_26_are_alive() -> None:
    assert (alive(torch.arange(256) / 255, ARTICLE).nonzero().flatten()).tolist() == list(range(26, 256))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_newborn_digits_have_their_liveness_and_zero_state(dtype: torch.dtype) -> None:
    liveness = torch.rand(3, 4, 5, generator=seeded(0)).to(dtype)
    grid = newborn(liveness, ARTICLE)
    assert grid.shape == (3, 20, 4, 5)
    assert grid.dtype == dtype
    assert torch.equal(grid[:, 0], liveness)
    assert not grid[:, 1:].any()
    grid[:, 0] = 0
    assert liveness.any(), "the grid is a copy"


@given(
    seed=st.integers(0, 2**32),
    inks=st.lists(st.tuples(st.sampled_from(INKS), st.sampled_from(INKS)), min_size=1, max_size=3),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
)
def test_mutation_keeps_the_state_only_where_alive_before_and_after(
    seed: int, inks: list[tuple[str, str]], height: int, width: int
) -> None:
    generator = seeded(seed)
    old = torch.stack([random_liveness(ink, height, width, generator) for ink, _ in inks])
    new = torch.stack([random_liveness(ink, height, width, generator) for _, ink in inks])
    grid = with_random_state(old, generator)
    given_grid, given_liveness = grid.clone(), new.clone()
    mutated = mutate(grid, new, ARTICLE)
    assert mutated.shape == grid.shape
    for digit in range(len(inks)):
        for y in range(height):
            for x in range(width):
                cell = mutated[digit, :, y, x].tolist()
                assert cell[0] == new[digit, y, x].item()
                if old[digit, y, x].item() > 0.1 and new[digit, y, x].item() > 0.1:
                    assert cell[1:] == grid[digit, 1:, y, x].tolist()
                else:
                    assert cell[1:] == [0.0] * 19
    assert torch.equal(grid, given_grid)
    assert torch.equal(new, given_liveness)


def test_mutation_clears_the_state_of_a_cell_that_was_dead() -> None:
    """Dead cells have no state; were there some, it must not come alive."""
    grid = torch.ones(1, 20, 1, 2)
    grid[0, 0, 0] = torch.tensor([0.05, 0.5])
    mutated = mutate(grid, torch.ones(1, 1, 2), ARTICLE)
    assert mutated[0, 1:, 0, 0].tolist() == [0.0] * 19
    assert mutated[0, 1:, 0, 1].tolist() == [1.0] * 19


def test_outputs_are_the_last_ten_channels() -> None:
    grid = torch.arange(20.0).view(1, 20, 1, 1).expand(2, 20, 3, 4)
    assert outputs(grid, ARTICLE).shape == (2, 10, 3, 4)
    assert outputs(grid, ARTICLE)[1, :, 2, 3].tolist() == list(range(10, 20))
    rows = torch.arange(20.0).expand(5, 20)
    assert outputs(rows, ARTICLE)[4].tolist() == list(range(10, 20))
    assert math.prod(outputs(rows[:0], ARTICLE).shape) == 0
