"""One training step: what it learns, what the optimisers get, and losses that are not finite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.small_run import CPU, contents, differing, small, train_quickly
from torch import Tensor

import ca.train.loop
from ca.checkpoint.folder import checkpoints_in
from ca.data.digits import Digits
from ca.loss import LOSSES, Loss
from ca.system.errors import FailedError
from ca.train.command import train
from ca.train.metrics_file import read_metrics
from ca.train.optimisers import optimiser_state
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def grey_squares() -> Digits:
    """Make images of one shade each, whose shade is their class: 60 is 0, 150 is 1, 240 is 2."""
    labels = torch.arange(64) % 3
    return Digits((60 + 90 * labels).to(torch.uint8).view(-1, 1, 1).expand(-1, 8, 8).clone(), labels)


@pytest.mark.parametrize(
    ("recipe", "regime", "loss"), [("quick", "mutating", "l2"), ("article", "naive", "cross-entropy")]
)
def test_the_loss_decreases(
    recipe: str, regime: str, loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_quickly(monkeypatch, grey_squares())
    options = {"recipe": recipe, "regime": regime, "loss": loss, "batch_size": 8, "ticks": (5, 5)}
    train(small(tmp_path, steps=200, checkpoint_every=200, **options))
    losses = [row["loss"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert len(losses) == 20
    assert np.median(losses[-8:]) < 0.75 * losses[0]


@pytest.mark.parametrize(
    ("recipe", "normalised", "rate"),
    [
        ("best", False, 1.5e-3 * 3 / 100 * 22 / 24),
        ("quick", True, 3e-3 * 3 / 100 * 22 / 24),
        ("article", True, 1e-3),
    ],
)
def test_optimisers_get_the_recipe_s_gradients_and_the_step_s_rate(
    recipe: str, normalised: bool, rate: float, tmp_path: Path
) -> None:
    run = TrainingRun.start(small(tmp_path, recipe=recipe), CPU)
    for _ in range(2):  # before, the last layer is zero, and so are all other gradients
        ca.train.loop.training_step(run)
    norms, rates = [], []

    def look(optimiser: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
        (group,) = optimiser.param_groups
        norms.extend(parameter.grad.norm().item() for parameter in group["params"])
        rates.append(group["lr"])

    for optimiser in run.optimisers:
        optimiser.register_step_pre_hook(look)
    ca.train.loop.training_step(run)
    assert len(norms) == 6
    assert (norms == pytest.approx([1] * 6, rel=1e-3)) == normalised
    assert rates == pytest.approx([rate] * len(run.optimisers))


def broken(loss: Callable[[Tensor], Tensor]) -> Loss:
    return lambda outputs, labels, digits: (loss(outputs.sum()), 1)


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(lambda total: total * torch.nan, id="a loss that is no number"),
        pytest.param(lambda total: total * 1e30 * 1e30, id="an infinite loss"),
        pytest.param(lambda total: 1 + (total * 0).sqrt(), id="a gradient that is no number"),
    ],
)
def test_a_loss_or_gradient_that_is_not_finite_stops_the_run_before_the_weights_change(
    loss: Callable[[Tensor], Tensor],
    whole_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[TrainingRun] = []
    original = ca.train.loop.training_step

    def step(run: TrainingRun) -> Tensor:
        if run.step == 14:
            runs.append(run)
            monkeypatch.setitem(LOSSES, "l2", broken(loss))
        return original(run)

    monkeypatch.setattr("ca.train.loop.training_step", step)
    with pytest.raises(FailedError, match=r"^loss .* and largest gradient .* at step 15: training stops"):
        train(small(tmp_path))
    assert [path.name for path in checkpoints_in(tmp_path)] == ["model-steps-7", "model-steps-14"]
    (run,) = runs
    kept = {**run.automaton.state_dict(), **optimiser_state(run.optimisers)}
    saved = contents(whole_run / "model-steps-14")
    assert differing(kept, {name: saved[name] for name in kept}) == set()
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [7, 10, 14]
