"""`metrics.jsonl`: which rows it has, also after a resumed run and a crash."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.small_run import CPU, resumed, small

import ca.train.loop
from ca.train.metrics_file import read_metrics
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def test_metrics_have_a_row_every_tenth_step_and_at_checkpoints(whole_run: Path) -> None:
    rows = read_metrics(whole_run / "metrics.jsonl")
    assert [row["step"] for row in rows] == [7, 10, 14, 20, 21, 24]
    for row in rows:
        assert math.isfinite(row["loss"])
        assert row["loss"] > 0
        assert ("held_out_cell_accuracy" in row) == (row["step"] in (7, 14, 21, 24))
        assert row["rate"] == pytest.approx(1.5e-3 * row["step"] / 100 * (25 - row["step"]) / 24)
        assert row["steps_per_minute"] > 0


def test_a_row_s_loss_is_the_mean_since_the_last_row(whole_run: Path) -> None:
    run = TrainingRun.start(small(whole_run), CPU)
    losses = [ca.train.loop.training_step(run).item() for _ in range(14)]
    rows = read_metrics(whole_run / "metrics.jsonl")
    assert [row["loss"] for row in rows[:3]] == pytest.approx(
        [np.mean(losses[:7]), np.mean(losses[7:10]), np.mean(losses[10:])], rel=1e-5
    )


def test_the_steps_of_a_resumed_run_s_metrics_strictly_increase(stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(14)
    with (checkpoint.parent / "metrics.jsonl").open("a") as file:
        file.write('{"step": 24, "lo')
    resumed(checkpoint, checkpoint_every=100)
    lines = (checkpoint.parent / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [7, 10, 14, 20, 24]


@pytest.mark.parametrize("torn", ["", "{", '{"step": 10, "loss": 4.', "\x00\x00"])
def test_an_incomplete_last_line_of_metrics_is_left_out(torn: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 5, "loss": 4.5}\n' + torn)
    assert read_metrics(path) == [{"step": 5, "loss": 4.5}]
    assert read_metrics(tmp_path / "absent") == []
