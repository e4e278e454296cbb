"""Learning rates as literal numbers, and what the optimisers do."""

import math

import pytest
import torch
from helpers import random_automaton, seeded
from torch.optim import Adam, Muon

from ca.model import CellularAutomaton
from ca.optimisers import make_optimisers, normalise_gradients, set_rates
from ca.recipes import RECIPES
from ca.settings import RecipeName


def rates_at(recipe: RecipeName, step: int, steps: int = 100_000) -> list[float]:
    """Return the learning rates of weights and biases that a step of a run is made with."""
    optimisers = make_optimisers(random_automaton(), RECIPES[recipe])
    set_rates(optimisers, RECIPES[recipe], RECIPES[recipe].rate_factor(step, steps))
    return [group["lr"] for optimiser in optimisers for group in optimiser.param_groups]


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (1, 1e-3),
        (29_999, 1e-3),
        (30_000, 1e-3),
        (30_001, 1e-3),
        (30_002, 1e-4),
        (70_000, 1e-4),
        (70_001, 1e-4),
        (70_002, 1e-5),
        (100_000, 1e-5),
    ],
)
def test_the_article_s_rate_drops_after_30_000_and_70_000_steps(step: int, rate: float) -> None:
    """PiecewiseConstantDecay([30000, 70000], [1e-3, 1e-4, 1e-5]) of the article's notebook."""
    assert rates_at("article", step) == pytest.approx([rate, rate], rel=1e-12)


def test_the_article_s_drops_do_not_move_with_the_length_of_a_run() -> None:
    assert rates_at("article", 20_000, steps=20_000) == pytest.approx([1e-3, 1e-3])
    assert rates_at("article", 40_000, steps=500_000) == pytest.approx([1e-4, 1e-4])


@pytest.mark.parametrize(
    ("step", "weights", "biases"),
    [
        (1, 5e-5, 1e-5),
        (50, 2.498775e-3, 4.99755e-4),
        (100, 4.99505e-3, 9.9901e-4),
        (101, 4.995e-3, 9.99e-4),
        (50_001, 2.5e-3, 5e-4),
        (90_001, 5e-4, 1e-4),
        (100_000, 5e-8, 1e-8),
    ],
)
def test_the_best_recipe_s_rate_warms_up_and_falls_linearly(step: int, weights: float, biases: float) -> None:
    assert rates_at("best", step) == pytest.approx([weights, biases], rel=1e-12)


def test_the_best_recipe_s_rate_falls_over_the_run_s_own_length() -> None:
    assert rates_at("best", 501, steps=1_000) == pytest.approx([2.5e-3, 5e-4], rel=1e-12)
    assert rates_at("best", 1_000, steps=1_000) == pytest.approx([5e-6, 1e-6], rel=1e-12)


@pytest.mark.parametrize("recipe", ["best", "article"])
def test_every_parameter_has_one_optimiser_matrices_and_biases_apart(recipe: RecipeName) -> None:
    automaton = CellularAutomaton()
    weights, biases = make_optimisers(automaton, RECIPES[recipe])
    handled = [
        [parameter for group in o.param_groups for parameter in group["params"]] for o in (weights, biases)
    ]
    layers = (automaton.perception, automaton.hidden, automaton.residual)
    assert [id(parameter) for parameter in handled[0]] == [id(layer.weight) for layer in layers]
    assert [id(parameter) for parameter in handled[1]] == [id(layer.bias) for layer in layers]
    assert type(weights) is (Muon if recipe == "best" else Adam)
    assert type(biases) is Adam


@pytest.mark.parametrize("recipe", ["best", "article"])
def test_weights_do_not_decay(recipe: RecipeName) -> None:
    automaton = random_automaton(dtype=torch.float32)
    optimisers = make_optimisers(automaton, RECIPES[recipe])
    before = [parameter.detach().clone() for parameter in automaton.parameters()]
    for parameter in automaton.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for optimiser in optimisers:
        assert all(group["weight_decay"] == 0 for group in optimiser.param_groups)
        optimiser.step()
    assert all(torch.equal(p, kept) for p, kept in zip(automaton.parameters(), before, strict=True))


def step_with_random_gradients(recipe: RecipeName, scale: float) -> dict[str, torch.Tensor]:
    """Make one optimiser step and return how much each parameter changed, by name."""
    automaton = random_automaton(dtype=torch.float32)
    before = {name: parameter.detach().clone() for name, parameter in automaton.named_parameters()}
    for parameter in automaton.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=seeded(1))
    for optimiser in make_optimisers(automaton, RECIPES[recipe]):
        optimiser.step()
    return {name: parameter.detach() - before[name] for name, parameter in automaton.named_parameters()}


def test_the_first_step_of_adam_goes_down_the_gradient_s_sign_by_the_rate() -> None:
    """With Keras' epsilon 1e-7 beside a gradient of that size, the step is about half of it."""
    for name, change in step_with_random_gradients("article", 1.0).items():
        gradient = torch.randn(change.shape, generator=seeded(1))
        torch.testing.assert_close(change, -1e-3 * gradient.sign(), rtol=1e-2, atol=1e-6, msg=name)
    for name, change in step_with_random_gradients("article", 1e-7).items():
        gradient = 1e-7 * torch.randn(change.shape, generator=seeded(1))
        expected = -1e-3 * gradient / (gradient.abs() + 1e-7)
        torch.testing.assert_close(change, expected, rtol=1e-2, atol=1e-6, msg=name)


def test_muon_s_first_step_is_nearly_orthogonal() -> None:
    """Its singular values are about equal however the gradient's differ, and sized by the rate alone."""
    automaton = random_automaton(dtype=torch.float32)
    matrices = [parameter for parameter in automaton.parameters() if parameter.ndim == 2]
    before = [matrix.detach().clone() for matrix in matrices]
    for matrix in matrices:
        row_scales = torch.logspace(0, -2, len(matrix)).unsqueeze(1)
        matrix.grad = row_scales * torch.randn(matrix.shape, generator=seeded(1))
        singular = torch.linalg.svdvals(matrix.grad)
        assert singular.max() > 15 * singular.quantile(0.2)
    make_optimisers(automaton, RECIPES["best"])[0].step()
    for matrix, kept in zip(matrices, before, strict=True):
        singular = torch.linalg.svdvals((kept - matrix.detach()).double()) / 5e-3
        assert singular.quantile(0.2).item() > 0.6, "all but the few that were next to nothing"
        assert singular.max().item() < 1.3


def test_normalised_gradients_have_norm_one_and_their_direction() -> None:
    automaton = random_automaton()
    gradients = []
    for power, parameter in enumerate(automaton.parameters()):
        gradients.append(torch.randn(parameter.shape, dtype=torch.float64, generator=seeded(power)))
        parameter.grad = gradients[-1] * 10.0 ** (2 * power - 4)
    normalise_gradients(automaton)
    for parameter, gradient in zip(automaton.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        assert math.sqrt(sum(value**2 for value in parameter.grad.flatten().tolist())) == pytest.approx(1)
        torch.testing.assert_close(parameter.grad, gradient / gradient.norm(), rtol=1e-4, atol=0)


def test_the_norm_is_taken_with_the_article_s_epsilon() -> None:
    """A gradient of zero stays zero, one of norm 1e-8 becomes one of norm a half."""
    automaton = random_automaton()
    for parameter in automaton.parameters():
        parameter.grad = torch.zeros_like(parameter)
    tiny = torch.zeros_like(automaton.hidden.bias)
    tiny[3] = 1e-8
    automaton.hidden.bias.grad = tiny
    normalise_gradients(automaton)
    assert tiny[3].item() == pytest.approx(0.5)
    for name, parameter in automaton.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.any().item() == (name == "hidden.bias")


def test_set_rates_sets_a_share_of_each_peak() -> None:
    optimisers = make_optimisers(CellularAutomaton(), RECIPES["best"])
    for factor in (0.25, 1.0, 0.5):
        set_rates(optimisers, RECIPES["best"], factor)
        rates = [group["lr"] for optimiser in optimisers for group in optimiser.param_groups]
        assert rates == [5e-3 * factor, 1e-3 * factor]
