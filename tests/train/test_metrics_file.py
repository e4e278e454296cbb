"""`metrics.jsonl`: which rows it has, also after a resumed run and a crash."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.helpers import endless_file
from support.small_run import CPU, resumed, small

import ca.train.loop
from ca.system.errors import FailedError
from ca.train.command import train
from ca.train.metrics_file import MetricsFile, read_metrics
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


ROW = b'{"step": 5, "loss": 4.5, "rate": 0.1}\n'


@pytest.mark.parametrize("torn", [b"", b"{", b'{"step": 10, "loss": 4.', b"\x00\x00"])
def test_an_incomplete_last_line_of_metrics_is_left_out(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ROW + torn)
    assert [row["step"] for row in read_metrics(path)] == [5]
    assert read_metrics(tmp_path / "absent") == []
    MetricsFile(path, keep_to_step=5)
    assert path.read_bytes() == ROW


OTHER_LINES = [
    b"\n",
    b'{"step": 6, "lo\n',
    b"5\n",
    b"null\n",
    b"[1]\n",
    b'"text"\n',
    b"{}\n",
    b'{"epoch": 1, "loss": 2.0}\n',
    b'{"step": 6}\n',
    b'{"step": "6", "loss": 1.0, "rate": 0.1}\n',
    b'{"step": true, "loss": 1.0, "rate": 0.1}\n',
    b'{"step": -6, "loss": 1.0, "rate": 0.1}\n',
    b'{"step": 6, "loss": NaN, "rate": 0.1}\n',
    b'{"step": 6, "loss": "1", "rate": 0.1}\n',
    b'{"step": 6, "loss": 1' + b"0" * 400 + b', "rate": 0.1}\n',
    b"[" * 5_000 + b"\n",
    b"[" * 500_000 + b"\n",
    b"\xff\xfe\n",
    b"key=value\r\n",
]


@pytest.mark.parametrize("line", OTHER_LINES, ids=lambda line: repr(line[:20]))
def test_lines_that_are_not_rows_are_kept_and_reported(
    line: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows behind them are not lost."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ROW + line + ROW.replace(b"5", b"6", 1) + line + ROW.replace(b"5", b"9", 1))
    metrics = MetricsFile(path, keep_to_step=6)
    told = capsys.readouterr().err
    assert told.startswith(f"ca: lines of {path} that are no metrics of a run: 2, the first is line 2")
    assert told.count("\n") == 1
    metrics.append({"step": 7, "loss": 1.0, "rate": 0.1})
    kept = ROW + line + ROW.replace(b"5", b"6", 1) + line
    assert path.read_bytes() == kept + b'{"step": 7, "loss": 1.0, "rate": 0.1}\n'
    assert [row["step"] for row in metrics.rows] == [5, 6, 7]


@pytest.mark.parametrize("end", [b"my note", b"\xff", "Notiz\n".encode("utf-16-le")])
def test_a_last_line_of_others_is_kept_without_an_end_too(end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ROW + end)
    MetricsFile(path, keep_to_step=9)
    assert path.read_bytes() == ROW + end + b"\n"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + ROW)
    assert len(MetricsFile(path, keep_to_step=9).rows) == 1
    assert path.read_bytes() == b"\xef\xbb\xbf" + ROW
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "sparse"])
def test_metrics_in_something_that_would_never_end_are_an_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.mkdir() if kind == "folder" else endless_file(path, kind)
    with pytest.raises(FailedError, match="can't write into"):
        train(small(tmp_path, steps=1))


def test_metrics_that_become_a_pipe_during_a_run_are_an_error(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl", keep_to_step=0)
    endless_file(metrics.path, "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        metrics.append({"step": 1, "loss": 1.0, "rate": 0.1})
    assert metrics.path.is_fifo()
