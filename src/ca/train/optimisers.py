"""The optimisers of a recipe, their state as tensors, and the article's normalisation of gradients."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from ca.model import CellularAutomaton
from ca.settings.recipes import Recipe

EPSILON = 1e-8  # article's notebook, `train_step`
EIGENBASES_EVERY = 2  # steps between updates of SOAP's eigenbases


def make_optimisers(automaton: CellularAutomaton, recipe: Recipe) -> list[Optimizer]:
    """Adam for all, or SOAP for the weight matrices and Adam for the other parameters.

    SOAP is Adam in the eigenbases of Shampoo's preconditioner (Vyas et al., 2024, arXiv:2409.11321).
    """
    options: dict[str, Any] = {"lr": recipe.rate, "betas": recipe.betas, "eps": recipe.epsilon}
    if recipe.optimiser == "adam":
        return [Adam(automaton.parameters(), fused=True, **options)]
    from pytorch_optimizer import SOAP  # takes seconds, which a run with Adam alone need not wait for

    weights = [p for p in automaton.parameters() if p.ndim == 2]
    others = [p for p in automaton.parameters() if p.ndim != 2]  # biases, and what a subclass adds
    soap = SOAP(weights, precondition_frequency=EIGENBASES_EVERY, weight_decay=0.0, **options)
    return [soap, Adam(others, fused=True, **options)]


def set_rate(optimisers: list[Optimizer], rate: float) -> None:
    """Set the learning rate of all parameters."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def gradient_norms(automaton: CellularAutomaton) -> Tensor:
    """The norm of each parameter tensor's gradient: (parameters,)."""
    return torch.stack(torch._foreach_norm(_gradients(automaton)))


def normalise_gradients(automaton: CellularAutomaton, norms: Tensor) -> None:
    """Divide each parameter tensor's gradient by its norm (article's notebook, `train_step`)."""
    torch._foreach_div_(_gradients(automaton), (norms + EPSILON).unbind())


def _gradients(automaton: CellularAutomaton) -> list[Tensor]:
    return [parameter.grad for parameter in automaton.parameters() if parameter.grad is not None]


def optimiser_state(optimisers: list[Optimizer]) -> dict[str, Tensor]:
    """All tensors that the optimisers keep between steps, by name; none before the first step."""
    return dict(_tensors([optimiser.state_dict()["state"] for optimiser in optimisers], "optimiser"))


def make_optimiser_state(optimisers: list[Optimizer], step: int) -> None:
    """Create the state tensors that new optimisers have after `step` steps, to be overwritten.

    The parameters change.
    """
    for optimiser in optimisers:  # a step with zero gradients creates all state tensors
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        optimiser.step()
        optimiser.zero_grad()
        for group in optimiser.param_groups:
            if "step" in group:
                group["step"] = step


def _tensors(state: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested lists and dictionaries, named by their places."""
    if isinstance(state, Tensor):
        yield name, state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from _tensors(value, f"{name}.{key}")
    elif isinstance(state, list):
        for index, value in enumerate(state):
            yield from _tensors(value, f"{name}.{index}")
