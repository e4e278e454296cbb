"""A training run: what its settings change, and that a seed repeats it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.small_run import CPU, contents, differing, small, trained, weights

import ca.train.loop
from ca.data.digits import Digits
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError
from ca.train.command import train
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def test_held_out_digits_are_never_trained_on(tmp_path: Path, few_digits: Digits) -> None:
    run = TrainingRun.start(small(tmp_path, held_out=40), CPU)
    assert torch.equal(run.pool.source.digits.images, few_digits.images[:24])
    assert torch.equal(run.held_out.images, few_digits.images[24:])
    assert torch.equal(run.held_out.labels, few_digits.labels[24:])
    seen = set()
    for _ in range(30):
        ca.train.loop.training_step(run)
        seen |= {image.numpy().tobytes() for image in (run.pool.grid[:, 0] * 255).round().byte()}
    assert seen <= {image.numpy().tobytes() for image in few_digits.images[:24]}
    assert len(seen) > 12


def test_holding_out_all_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--held-out 64 leaves none of 64 training digits$"):
        train(small(tmp_path, held_out=64))


def test_the_same_seed_repeats_a_run(whole_run: Path, tmp_path: Path) -> None:
    assert differing(trained(tmp_path / "again"), contents(whole_run / "model-steps-24")) == set()


def test_another_seed_is_another_run(whole_run: Path, tmp_path: Path) -> None:
    changed = differing(trained(tmp_path / "other", seed=1), contents(whole_run / "model-steps-24"))
    assert {
        "perception.weight",
        "hidden.weight",
        "residual.weight",
        "pool.grid",
        "generator.chance",
    } <= changed


@pytest.mark.parametrize(
    "option",
    [
        {"loss": "cross-entropy"},
        {"regime": "naive"},
        {"regime": "persistent"},
        {"noise_level": 0.0},
        {"ticks": (3, 4)},
        {"recipe": "article"},
        {"batch_size": 8},
        {"pool_size": 9},
        {"held_out": 9},
        {"steps": 25},
    ],
    ids=str,
)
def test_every_setting_of_a_run_changes_the_trained_weights(
    option: dict[str, Any], whole_run: Path, tmp_path: Path
) -> None:
    """Each from the first steps on, so that 14 tell."""
    train(small(tmp_path, **{"steps": 24, **option}))
    changed = weights(tmp_path / "model-steps-14")
    assert not torch.equal(changed, weights(whole_run / "model-steps-14"))


def test_the_noise_setting_reaches_the_automaton(tmp_path: Path) -> None:
    assert TrainingRun.start(small(tmp_path), CPU).automaton.noise == 0.02
    assert TrainingRun.start(small(tmp_path, noise_level=0.0), CPU).automaton.noise == 0


def test_ticks_move_from_their_first_bounds_to_their_last() -> None:
    settings = TrainSettings(steps=100, ticks=(2, 4, 20, 30), batch_size=4, pool_size=4, held_out=0)
    run = TrainingRun.start(settings, torch.device("cpu"))
    drawn: dict[int, set[int]] = {}
    for run.step in (1, 50, 100):
        drawn[run.step] = {run.draw_ticks() for _ in range(400)}
    assert drawn == {1: {2, 3, 4}, 50: set(range(11, 18)), 100: set(range(20, 31))}
    run.settings = replace(settings, ticks=(5, 7))
    assert {run.draw_ticks() for _ in range(100)} == {5, 6, 7}
