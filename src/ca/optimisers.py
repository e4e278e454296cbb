"""The optimisers of a recipe, and the article's normalisation of gradients."""

import torch
from torch.optim import Adam, Muon, Optimizer

from ca.model import CellularAutomaton
from ca.recipes import Recipe

EPSILON = 1e-8  # article's notebook, `train_step`
ADAM_EPSILON = 1e-7  # the default of Keras, which the article used


def make_optimisers(automaton: CellularAutomaton, recipe: Recipe) -> list[Optimizer]:
    """One optimiser for the weight matrices, one for the biases."""
    weights = [p for p in automaton.parameters() if p.ndim == 2]
    biases = [p for p in automaton.parameters() if p.ndim == 1]
    if recipe.optimiser == "muon":
        # Weight decay, which the class switches on by default, was not part of what was tried.
        weight_optimiser = Muon(weights, lr=recipe.weight_rate, weight_decay=0.0, adjust_lr_fn="original")
    else:
        weight_optimiser = Adam(weights, lr=recipe.weight_rate, eps=ADAM_EPSILON, fused=True)
    return [weight_optimiser, Adam(biases, lr=recipe.bias_rate, eps=ADAM_EPSILON, fused=True)]


def set_rates(optimisers: list[Optimizer], recipe: Recipe, factor: float) -> None:
    """Set the learning rates to a share of their peaks."""
    for optimiser, peak in zip(optimisers, (recipe.weight_rate, recipe.bias_rate), strict=True):
        for group in optimiser.param_groups:
            group["lr"] = peak * factor


@torch.no_grad()
def normalise_gradients(automaton: CellularAutomaton) -> None:
    """Divide each parameter tensor's gradient by its norm (article's notebook, `train_step`)."""
    for parameter in automaton.parameters():
        assert parameter.grad is not None
        parameter.grad /= parameter.grad.norm() + EPSILON
