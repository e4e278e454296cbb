"""The loop of a run: callbacks, and training without files."""

from pathlib import Path

import numpy as np
import pytest
from support.small_run import CPU, contents, differing, small
from torch import Tensor

from ca.train.loop import train_until
from ca.train.metrics_file import read_metrics
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def test_a_callback_gets_every_step_and_its_loss_and_changes_nothing(whole_run: Path, tmp_path: Path) -> None:
    run = TrainingRun.start(small(tmp_path), CPU)
    steps: list[int] = []
    losses: list[float] = []

    def on_step(run: TrainingRun, loss: Tensor) -> None:
        steps.append(run.step)
        losses.append(loss.item())

    train_until(run, 24, on_step)
    assert steps == list(range(1, 25))
    rows = read_metrics(whole_run / "metrics.jsonl")
    assert [row["loss"] for row in rows[:2]] == pytest.approx([np.mean(losses[:7]), np.mean(losses[7:10])])
    saved, weights = contents(whole_run / "model-steps-24"), run.automaton.state_dict()
    assert differing(weights, {name: saved[name] for name in weights}) == set()


def test_training_without_files_is_the_same_training(whole_run: Path, tmp_path: Path) -> None:
    run = TrainingRun.start(small(tmp_path / "run"), CPU)
    losses: list[float] = []
    mean = train_until(run, 7, lambda run, loss: losses.append(loss.item()))
    assert (run.step, len(losses)) == (7, 7)
    assert mean == pytest.approx(np.mean(losses))
    saved = contents(whole_run / "model-steps-7")
    weights = run.automaton.state_dict()
    assert differing(weights, {name: saved[name] for name in weights}) == set()
    assert not (tmp_path / "run").exists()
