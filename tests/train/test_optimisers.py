"""What the optimisers of the recipes do, and the article's normalisation of gradients."""

import math

import pytest
import torch
from pytorch_optimizer import SOAP
from support.helpers import random_automaton, seeded
from torch.optim import Adam

from ca.model import CellularAutomaton
from ca.settings.choices import RecipeName
from ca.settings.recipes import RECIPES
from ca.train.optimisers import gradient_norms, make_optimisers, normalise_gradients, set_rate


@pytest.mark.parametrize("recipe", ["best", "quick", "article"])
def test_soap_has_the_matrices_adam_has_the_rest(recipe: RecipeName) -> None:
    automaton = CellularAutomaton()
    handled = [
        (type(optimiser), id(parameter))
        for optimiser in make_optimisers(automaton, RECIPES[recipe])
        for group in optimiser.param_groups
        for parameter in group["params"]
    ]
    kinds = {2: Adam if recipe == "article" else SOAP, 1: Adam}
    assert sorted(handled, key=str) == sorted(
        ((kinds[parameter.ndim], id(parameter)) for parameter in automaton.parameters()), key=str
    )


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


def test_soap_undoes_how_a_layer_s_inputs_and_outputs_are_turned() -> None:
    """Adam depends on the axes that a matrix is written in; SOAP, which finds its own, hardly does."""

    def distance(recipe: RecipeName) -> float:
        """How far apart two runs end on one quadratic, written in two bases; shares of the way."""
        curvature = torch.logspace(0, -1, 80).unsqueeze(1) * torch.logspace(0, -1, 80)
        target = torch.randn(80, 80, generator=seeded(0))
        turn = torch.linalg.qr(torch.randn(80, 80, generator=seeded(1)))[0]
        ends = []
        for basis in (torch.eye(80), turn):
            automaton = random_automaton(dtype=torch.float32)
            weight = automaton.hidden.weight
            with torch.no_grad():
                weight.zero_()
            optimisers = make_optimisers(automaton, RECIPES[recipe])
            set_rate(optimisers, 3e-3)
            for _ in range(150):
                for parameter in automaton.parameters():
                    parameter.grad = torch.zeros_like(parameter)
                gradient = curvature * (basis.T @ weight.detach() @ basis - target)
                weight.grad = basis @ gradient @ basis.T
                optimisers[0].step()
            ends.append(basis.T @ weight.detach() @ basis)
        return ((ends[0] - ends[1]).norm() / ends[0].norm()).item()

    assert distance("best") < 0.05 < 0.5 < distance("article")


def test_normalised_gradients_have_norm_one_and_their_direction() -> None:
    automaton = random_automaton()
    gradients = []
    for power, parameter in enumerate(automaton.parameters()):
        gradients.append(torch.randn(parameter.shape, dtype=torch.float64, generator=seeded(power)))
        parameter.grad = gradients[-1] * 10.0 ** (2 * power - 4)
    normalise_gradients(automaton, gradient_norms(automaton))
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
    normalise_gradients(automaton, gradient_norms(automaton))
    assert tiny[3].item() == pytest.approx(0.5)
    for name, parameter in automaton.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.any().item() == (name == "hidden.bias")


def test_set_rate_reaches_every_parameter() -> None:
    optimisers = make_optimisers(CellularAutomaton(), RECIPES["best"])
    for rate in (0.25, 1e-3):
        set_rate(optimisers, rate)
        assert [group["lr"] for optimiser in optimisers for group in optimiser.param_groups] == [rate] * 2
