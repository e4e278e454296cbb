"""The dense rule, against a slow one that shares no code with it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.helpers import INKS, random_automaton, random_liveness, seeded, with_random_state
from support.sizes import ARTICLE

from ca.architecture import Architecture
from ca.cells import newborn
from ca.model import CellularAutomaton

Array = NDArray[np.float64]


def slow_tick(automaton: CellularAutomaton, grid: Array, fired: NDArray[np.bool_], noise: Array) -> Array:
    """Apply the update rule cell by cell and tap by tap."""
    weights = {name: tensor.double().numpy() for name, tensor in automaton.state_dict().items()}
    batch, channels, height, width = grid.shape
    result = grid.copy()
    for digit, y, x in np.ndindex(batch, height, width):
        if not (grid[digit, 0, y, x] > 0.1 and fired[digit, y, x]):
            continue
        seen = weights["perception.bias"].copy()
        columns = iter(weights["perception.weight"].T)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                for channel in range(channels):
                    column = next(columns)
                    if 0 <= y + dy < height and 0 <= x + dx < width:
                        seen += column * grid[digit, channel, y + dy, x + dx]
        seen = np.maximum(seen, 0)
        hidden = np.maximum(weights["hidden.weight"] @ seen + weights["hidden.bias"], 0)
        residual = weights["residual.weight"] @ hidden + weights["residual.bias"]
        result[digit, 1:, y, x] += residual + noise[digit, :, y, x]
    return result


def fresh_automaton(seed: int = 0, *, fire_rate: float = 0.5, noise: float = 0.02) -> CellularAutomaton:
    automaton = CellularAutomaton(Architecture(fire_rate=fire_rate, noise=noise))
    automaton.reset_parameters(seeded(seed))
    return automaton


def test_the_automaton_has_22_499_parameters() -> None:
    automaton = CellularAutomaton()
    layers = (automaton.perception, automaton.hidden, automaton.residual)
    counts = [sum(parameter.numel() for parameter in layer.parameters()) for layer in layers]
    assert counts == [14_480, 6_480, 1_539]
    assert sum(parameter.numel() for parameter in automaton.parameters()) == 22_499


@given(
    seed=st.integers(0, 2**32),
    inks=st.lists(st.sampled_from(INKS), min_size=1, max_size=2),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
)
def test_a_tick_is_the_rule_worked_out_cell_by_cell(
    seed: int, inks: list[str], height: int, width: int
) -> None:
    generator = seeded(seed)
    automaton = random_automaton(seed)
    liveness = torch.stack([random_liveness(ink, height, width, generator) for ink in inks])
    grid = with_random_state(liveness, generator)
    fired = torch.rand(liveness.shape, generator=generator) < 0.6
    noise = torch.randn(len(inks), 19, height, width, dtype=torch.float64, generator=generator)
    given_grid = grid.clone()
    with torch.no_grad():
        ticked = automaton.tick(grid, fired, noise)
    expected = slow_tick(automaton, grid.numpy(), fired.numpy(), noise.numpy())
    np.testing.assert_allclose(ticked.numpy(), expected, rtol=1e-11, atol=1e-11)
    assert torch.equal(grid, given_grid)


def test_a_fresh_automaton_changes_nothing_without_noise() -> None:
    grid = with_random_state(torch.rand(2, 6, 5, generator=seeded(1)), seeded(2))
    fired = torch.ones(2, 6, 5, dtype=torch.bool)
    ticked = fresh_automaton().tick(grid, fired, torch.zeros(2, 19, 6, 5))
    assert torch.equal(ticked, grid)


def test_fresh_weights_fill_the_glorot_bounds() -> None:
    """Keras counts the nine taps in both fans of a 3x3 convolution; a uniform draw comes near its bounds."""
    automaton = fresh_automaton()
    for weight, bound in (
        (automaton.perception.weight, (6 / (9 * 20 + 9 * 80)) ** 0.5),
        (automaton.hidden.weight, (6 / (80 + 80)) ** 0.5),
    ):
        assert -bound <= weight.min().item() < -0.99 * bound
        assert 0.99 * bound < weight.max().item() <= bound
        assert abs(weight.mean().item()) < 0.03 * bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_initialising_makes_biases_and_the_last_layer_zero() -> None:
    automaton = random_automaton(dtype=torch.float32)
    automaton.reset_parameters(seeded(0))
    for name, parameter in automaton.named_parameters():
        assert parameter.any().item() == (name in ("perception.weight", "hidden.weight")), name


def test_the_same_generator_seed_gives_the_same_weights() -> None:
    first, again, other = (fresh_automaton(seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    for name in ("perception.weight", "hidden.weight"):
        assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize("fire_rate", [0.0, 0.25, 0.5, 1.0])
def test_forward_fires_the_share_of_cells_that_fire_rate_says(fire_rate: float) -> None:
    """A fresh automaton adds only noise, so that the cells that changed are those that fired."""
    grid = newborn(torch.ones(4, 40, 40), ARTICLE)
    with torch.no_grad():
        ticked = fresh_automaton(fire_rate=fire_rate)(grid, seeded(1))
    changed = (ticked != grid)[:, 1:]
    fired = changed.any(1)
    assert torch.equal(changed, fired.unsqueeze(1).expand_as(changed)), "a cell fires with all its channels"
    deviation = (fire_rate * (1 - fire_rate) / fired.numel()) ** 0.5
    assert abs(fired.double().mean().item() - fire_rate) <= 5 * deviation


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.5])
def test_forward_adds_noise_of_the_stated_deviation(noise: float) -> None:
    grid = newborn(torch.ones(4, 40, 40), ARTICLE)
    with torch.no_grad():
        added = fresh_automaton(fire_rate=1, noise=noise)(grid, seeded(1))[:, 1:]
    assert added.std().item() == pytest.approx(noise, rel=0.02)
    assert abs(added.mean().item()) <= 5 * noise / added.numel() ** 0.5


def test_forward_is_a_tick_where_nothing_is_left_to_chance() -> None:
    automaton = random_automaton(fire_rate=1, noise=0)
    grid = with_random_state(random_liveness("mixed", 5, 4, seeded(3)).unsqueeze(0), seeded(4))
    with torch.no_grad():
        ticked = automaton(grid, seeded(5))
    fired, noise = np.ones((1, 5, 4), dtype=bool), np.zeros((1, 19, 5, 4))
    np.testing.assert_allclose(ticked.numpy(), slow_tick(automaton, grid.numpy(), fired, noise), atol=1e-11)


def test_forward_leaves_dead_cells_and_liveness_alone() -> None:
    liveness = torch.stack([random_liveness("mixed", 9, 9, seeded(seed)) for seed in range(3)])
    grid = with_random_state(liveness, seeded(4))
    with torch.no_grad():
        ticked = random_automaton(fire_rate=1)(grid, seeded(5))
    assert torch.equal(ticked[:, 0], liveness)
    dead = (liveness <= 0.1).unsqueeze(1)
    assert not (ticked[:, 1:] * dead).any()
    assert not torch.equal(ticked, grid)


def test_forward_repeats_with_the_same_generator_seed() -> None:
    automaton = fresh_automaton()
    grid = newborn(torch.ones(1, 8, 8), ARTICLE)
    with torch.no_grad():
        first, again, other = (automaton(grid, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
