"""Trackers: what they have got is read back with their own readers; whatever fails in them, a run goes on."""

import importlib.util
import io
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.helpers import error_line, told_in_child
from support.small_run import before_each_step, contents, differing, small
from support.wandb_files import config_of, history_of, records_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import ca.train.history
from ca.checkpoint.folder import checkpoints_in
from ca.settings.choices import TrackerName
from ca.train.command import train
from ca.train.metrics_file import read_metrics
from ca.train.track.tensorboard import TensorBoard
from ca.train.track.tracking import SENT, Tracking

pytestmark = pytest.mark.usefixtures("quick")

ALL: Any = {"scalars": 0, "images": 0, "tensors": 0}  # keep everything
TICKS = 2


@pytest.fixture(autouse=True)
def _small_pictures(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(rows: list[dict[str, Any]], path: Path) -> None:
        Image.new("RGB", (8, rows[-1]["step"])).save(path)  # as high as there are steps

    monkeypatch.setattr(ca.train.history, "draw_loss_history", draw)
    monkeypatch.setattr("ca.evaluate.clip.TICKS", TICKS)


def events_of(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard"), size_guidance=ALL).Reload()


def scalars_of(events: EventAccumulator) -> list[dict[str, float]]:
    """Read the rows of metrics that TensorBoard shows."""
    rows: dict[int, dict[str, float]] = {}
    for tag in events.Tags()["scalars"]:
        for scalar in events.Scalars(tag):
            row = rows.setdefault(scalar.step, {"step": scalar.step})
            assert tag not in row, "a step twice"
            row[tag] = scalar.value
    return [rows[step] for step in sorted(rows)]


def same(found: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bool:
    return found == [{name: pytest.approx(value, rel=1e-6) for name, value in row.items()} for row in rows]


def test_tensorboard_shows_a_run_that_was_killed_and_resumed(
    whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed after step 24, while an event was written; checkpoint 14 is the last one that was left."""
    train(small(tmp_path, track="tensorboard"))
    for step in (21, 24):
        shutil.rmtree(tmp_path / f"model-steps-{step}")
    first = tmp_path / "tensorboard" / "events.out.tfevents.000000"
    first.write_bytes(first.read_bytes()[:-5])
    assert [row["step"] for row in scalars_of(events_of(tmp_path))][-1] == 21
    told = capsys.readouterr().err
    assert f"tracked by tensorboard: tensorboard --logdir {tmp_path}/tensorboard\n" in told

    train(small(tmp_path, resume=tmp_path / "model-steps-14", track="tensorboard"))
    trained = contents(tmp_path / "model-steps-24")
    assert differing(trained, contents(whole_run / "model-steps-24")) == set(), "tracking changes nothing"
    events, rows = events_of(tmp_path), read_metrics(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows] == [7, 10, 14, 20, 21, 24]
    assert "held_out_agreement" in rows[-1]
    assert same(scalars_of(events), rows)
    figures, videos = (events.Images(tag) for tag in ("loss history", "digits"))
    assert [(image.step, image.height, image.width) for image in figures] == [
        (step, step, 8) for step in (7, 14, 21, 24)
    ]
    assert [video.step for video in videos] == [7, 14, 21, 24]
    with Image.open(io.BytesIO(videos[-1].encoded_image_string)) as video:
        assert (video.format, getattr(video, "n_frames", 1)) == ("GIF", 1 + TICKS)
    tables = events.Tensors("settings/text_summary")
    text = tables[0].tensor_proto.string_val[0].decode()
    assert {"| batch_size | 4 |", "| ticks | (2, 4) |", "| recipe optimiser | soap |"} <= set(
        text.splitlines()
    )


def test_a_run_that_is_tracked_from_its_resumption_on_is_tracked_whole(
    stopped_run: Callable[[int], Path],
) -> None:
    checkpoint = stopped_run(14)
    train(small(checkpoint.parent, resume=checkpoint, track="tensorboard"))
    rows = read_metrics(checkpoint.parent / "metrics.jsonl")
    assert same(scalars_of(events_of(checkpoint.parent)), rows)


def test_wandb_keeps_a_resumed_run_on_this_machine_without_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "run"
    train(small(folder, steps=12, track="wandb"))
    told = capfd.readouterr().err
    assert len(told.splitlines()) == 4, "only our own lines"
    assert "tracked by wandb: on this machine; to upload it: wandb sync " in told
    train(small(folder, resume=folder / "model-steps-12", steps=15, track="wandb"))
    first, second = map(records_of, sorted(folder.glob("wandb/offline-run-*/run-*.wandb")))
    runs = [record.run for record in first + second if record.HasField("run")]
    assert len({run.run_id for run in runs}) == 1
    assert {run.project for run in runs} == {"ca"}
    assert config_of(first).items() >= {"steps": 12, "ticks": [2, 4], "recipe optimiser": "soap"}.items()
    assert config_of(second)["steps"] == 15

    history = history_of(first) + history_of(second)
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == [7, 10, 12, 14, 15]
    found = [
        {name.replace("_step", "step"): value for name, value in row.items() if "." not in name}
        for row in history
    ]
    assert same(found, rows)
    assert [
        (row["_step"], row["loss history.height"]) for row in history if "loss history.height" in row
    ] == [(step, step) for step in (7, 12, 14, 15)]
    (video,) = folder.glob(f"wandb/offline-run-*/files/{history[-1]['digits.path']}")
    with Image.open(video) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("GIF", 1 + TICKS)


def test_wandb_is_not_sent_again_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't forget the steps after the checkpoint that a run is resumed from."""
    sent: list[int] = []

    class Kept:
        place, step = "", 20

        def log(self, step: int, numbers: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
            sent.append(step)

        def flush(self) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("ca.train.track.tracking._starter", lambda name: lambda *arguments: Kept())
    train(small(tmp_path, track="wandb"))
    assert sent == [21, 24]


@pytest.mark.parametrize("method", ["__init__", "log", "flush", "close"])
def test_a_tracker_that_fails_is_one_line_and_the_run_goes_on(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = getattr(TensorBoard, method)

    def fail(*arguments: object) -> None:
        if method == "close":
            original(*arguments)
        raise ZeroDivisionError("no such thing\nand a second line")

    monkeypatch.setattr(TensorBoard, method, fail)
    train(small(tmp_path, track="tensorboard"))
    assert [path.name for path in checkpoints_in(tmp_path)][-1] == "model-steps-24"
    told = capsys.readouterr().err
    assert told.count("ca: tensorboard failed: no such thing; training goes on without it\n") == 1
    assert "second line" not in told


def test_a_full_disk_ends_the_tracking_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that TensorBoard did not get then are sent when the run is resumed."""

    def limit(step: int) -> None:
        if step in (9, 15):
            size = 100 if step == 9 else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    before_each_step(monkeypatch, limit)
    code, told = told_in_child(lambda: train(small(tmp_path, track="tensorboard")))
    assert code == 0
    assert told.count("ca: tensorboard failed: ") == 1
    assert "Traceback" not in told
    train(small(tmp_path, resume=tmp_path / "model-steps-24", steps=25, track="tensorboard"))
    assert same(scalars_of(events_of(tmp_path)), read_metrics(tmp_path / "metrics.jsonl"))


def test_a_damaged_record_of_what_was_sent_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / SENT).write_text('{"run": 3')
    tracking = Tracking("tensorboard", tmp_path, 0, {})
    tracking.send([{"step": 1, "loss": 1.0}], {})
    tracking.close()
    told = capsys.readouterr().err
    path = tmp_path / "tensorboard"
    assert told.startswith(f"ca: tensorboard failed: {path}/{SENT} is damaged (")
    assert told.endswith(f"): remove {path} to track the run anew; training goes on without it\n")
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_tracker_that_is_not_installed_is_bad_usage(
    name: TrackerName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # a folder of that name, as W&B makes them, is not the package
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))
    told = error_line(["train", "--track", name, "--output-dir", str(tmp_path / "run")], 2, capsys)
    assert told == f"--track {name} needs the package {name}: pip install {name}"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("track", [None, "tensorboard"])
def test_without_the_flag_no_tracker_is_imported(
    track: TrackerName | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ca.train.command.refuse_missing", lambda *arguments: None)
    for name in ("tensorboard", "wandb"):  # imports of the only modules that import them fail
        monkeypatch.setitem(sys.modules, f"ca.train.track.{name}", None)
    train(small(tmp_path, steps=2, track=track))
    assert ("failed: import of ca.train.track.tensorboard halted" in capsys.readouterr().err) == (
        track is not None
    )
    assert (tmp_path / "tensorboard").exists() == (track is not None)


def test_the_printed_command_to_continue_tracks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    before_each_step(monkeypatch, lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 2 else None)
    with pytest.raises(SystemExit):
        train(small(tmp_path, track="tensorboard"))
    told = capsys.readouterr().err
    assert (
        f"continue with: ca train --resume {tmp_path}/model-steps-2 --device cpu --track tensorboard\n"
        in told
    )
