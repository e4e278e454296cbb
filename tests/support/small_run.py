"""Training runs of a few small steps."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import ca.train.loop
from ca.checkpoint.folder import TRAINING_STATE, WEIGHTS
from ca.data.digits import Digits
from ca.settings.training import TrainSettings
from ca.train.command import train
from ca.train.metrics_file import read_metrics
from ca.train.run import TrainingRun

CPU = torch.device("cpu")


def train_quickly(patches: pytest.MonkeyPatch, digits: Digits) -> None:
    """Train on few digits, score briefly, draw nothing."""
    patches.setattr("ca.train.run.load_digits", lambda *_, **__: digits)
    patches.setattr("ca.train.output.SCORED_DIGITS", 8)
    patches.setattr("ca.train.output.SCORED_TICKS", 3)
    patches.setattr("ca.train.history.draw_loss_history", lambda rows, path: None)
    patches.setattr("ca.train.history.draw_batch", lambda *grids, **options: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, few_digits: Digits) -> None:
    train_quickly(monkeypatch, few_digits)


def small(folder: Path, **options: Any) -> TrainSettings:
    defaults: dict[str, Any] = {
        "steps": 24,
        "batch_size": 4,
        "pool_size": 8,
        "ticks": (2, 4),
        "held_out": 8,
        "checkpoint_every": 7,
        "device": "cpu",
        "output_dir": folder,
    }
    return TrainSettings(**{**defaults, **options})


def trained(folder: Path, **options: Any) -> dict[str, Tensor]:
    """Train and return everything that the last checkpoint holds, weights and training state."""
    settings = small(folder, **options)
    train(settings)
    return contents(folder / f"model-steps-{settings.steps}")


def contents(checkpoint: Path) -> dict[str, Tensor]:
    return {**load_file(checkpoint / WEIGHTS), **load_file(checkpoint / TRAINING_STATE)}


def weights(checkpoint: Path) -> Tensor:
    return torch.cat([tensor.flatten() for _, tensor in sorted(load_file(checkpoint / WEIGHTS).items())])


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> set[str]:
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


def before_each_step(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call a function with the step's number before each training step."""
    original = ca.train.loop.training_step

    def step(run: TrainingRun) -> Tensor:
        act(run.step + 1)
        return original(run)

    monkeypatch.setattr("ca.train.loop.training_step", step)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory, few_digits: Digits) -> Path:
    """Train 24 steps without a break, checkpoints at 7, 14, 21 and 24; tests do not change the folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patches:
        train_quickly(patches, few_digits)
        train(small(folder))
    return folder


@pytest.fixture
def stopped_run(whole_run: Path, tmp_path: Path) -> Callable[[int], Path]:
    """Copy the run as it was after some of its steps; returns the last checkpoint."""

    def stopped_at(step: int) -> Path:
        folder = tmp_path / f"stopped-{step}"
        folder.mkdir()
        shutil.copy(whole_run / "metrics.jsonl", folder)
        shutil.copytree(whole_run / f"model-steps-{step}", folder / f"model-steps-{step}")
        return folder / f"model-steps-{step}"

    return stopped_at


def resumed(checkpoint: Path, **options: Any) -> dict[str, Tensor]:
    return trained(checkpoint.parent, resume=checkpoint, **options)


def rows_without_speed(folder: Path) -> list[dict[str, Any]]:
    rows = read_metrics(folder / "metrics.jsonl")
    return [{name: value for name, value in row.items() if name != "steps_per_minute"} for row in rows]
