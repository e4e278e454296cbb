"""`ca train`: its output folder, and the commands that it prints."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.small_run import before_each_step, small

from ca.checkpoint.folder import checkpoints_in
from ca.system.errors import FailedError
from ca.train.command import train
from ca.train.metrics_file import read_metrics

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("place", ["file", "file/run", "file/deep/run"])
def test_an_output_folder_that_cannot_be_written_is_refused_before_training(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))
    with pytest.raises(FailedError, match=r"^can't write into .*; choose another --output-dir$"):
        train(small(tmp_path / place))


def test_a_used_output_folder_is_refused_and_left_alone(stopped_run: Callable[[int], Path]) -> None:
    folder = stopped_run(7).parent
    before = (folder / "metrics.jsonl").read_bytes()
    with pytest.raises(FailedError) as caught:
        train(small(folder))
    assert str(caught.value) == (
        f"{folder} holds a run already: continue it with --resume {folder}/model-steps-7, "
        "or choose another --output-dir"
    )
    assert (folder / "metrics.jsonl").read_bytes() == before
    assert [path.name for path in checkpoints_in(folder)] == ["model-steps-7"]


def test_resuming_into_the_folder_of_another_run_is_refused(
    whole_run: Path, stopped_run: Callable[[int], Path]
) -> None:
    checkpoint = stopped_run(7)
    rows = (whole_run / "metrics.jsonl").read_text()
    with pytest.raises(FailedError, match="holds a run already"):
        train(small(whole_run, resume=checkpoint))
    assert (whole_run / "metrics.jsonl").read_text() == rows


def test_a_run_that_ended_before_its_first_checkpoint_may_be_started_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"st')
    train(small(tmp_path, steps=4))
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [4]


def test_the_printed_command_to_continue_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before_each_step(monkeypatch, lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 2 else None)
    with pytest.raises(SystemExit):
        train(small(tmp_path / "my run", data_dir=Path("my data")))
    checkpoint = tmp_path / "my run" / "model-steps-2"
    command = f"ca train --resume '{checkpoint}' --data-dir 'my data' --device cpu"
    assert f"continue with: {command}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"dataset": "kmnist", "data_dir": Path("my data")}, " --data-dir 'my data'"),
        ({"dataset": "kmnist"}, ""),
        ({"data_dir": Path("my data")}, ""),
    ],
)
def test_the_printed_command_for_a_video_finds_the_data_set(
    options: dict[str, Any], flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(small(tmp_path, steps=1, held_out=0, **options))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"make a video of it: ca evaluate {tmp_path / 'model-steps-1'}{flags}"
