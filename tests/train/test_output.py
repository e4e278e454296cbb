"""What a run writes, also on a full disk and into a folder that disappears."""

import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.helpers import told_in_child
from support.small_run import CPU, before_each_step, contents, differing, rows_without_speed, small, trained

import ca.train.loop
from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.system.errors import FailedError
from ca.train.command import train
from ca.train.output import TrainingOutput
from ca.train.resume import training_state
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def png_pixels(path: Path) -> np.ndarray:
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_run_writes_its_figures(
    tmp_path: Path,
    few_digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("ca.train.run.load_digits", lambda *_, **__: few_digits)
    monkeypatch.setattr("ca.train.output.SCORED_TICKS", 3)
    train(small(tmp_path, steps=12, checkpoint_every=6))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        "batches",
        "loss-history.png",
        "metrics.jsonl",
        "model-steps-12",
        "model-steps-6",
    ]
    assert sorted(path.name for path in (tmp_path / "batches").iterdir()) == [
        "step-000000.png",
        "step-000006.png",
        "step-000012.png",
    ]
    for path in (tmp_path / "loss-history.png", tmp_path / "batches" / "step-000012.png"):
        pixels = png_pixels(path)
        height, width, _ = pixels.shape
        assert 100 <= height <= 2_000
        assert 500 <= width <= 4_000
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20, "something is drawn"
    first, last = (png_pixels(tmp_path / "batches" / f"step-0000{step}.png") for step in ("06", "12"))
    assert not np.array_equal(first, last)
    told = capsys.readouterr().err
    assert "step 6: loss " in told
    assert f"wrote {tmp_path / 'model-steps-12'}" in told
    assert f"make a video of it: ca evaluate {tmp_path / 'model-steps-12'}\n" in told


def test_a_checkpoint_has_the_run_s_settings_and_scores_on_held_out_digits(whole_run: Path) -> None:
    checkpoint = load_checkpoint(whole_run / "model-steps-14")
    assert checkpoint.step == 14
    training = checkpoint.config.training
    assert (training.recipe, training.loss, training.regime) == ("best", "l2", "mutating")
    assert (training.steps, training.batch_size, training.seed) == (24, 4, 0)
    written = json.loads((checkpoint.path / CONFIG).read_text())["training"]
    assert written["optimisation"]["optimiser"] == "soap"
    assert not {"output_dir", "data_dir", "device", "resume"} & written.keys()
    metrics = checkpoint.config.metrics
    assert metrics.keys() == {
        "loss",
        "held_out_cell_accuracy",
        "held_out_agreement",
        "held_out_digit_accuracy",
    }
    assert all(0 <= metrics[name] <= 1 for name in metrics if name != "loss")


def test_without_held_out_digits_nothing_is_scored(tmp_path: Path) -> None:
    trained(tmp_path, steps=2, held_out=0)
    assert load_checkpoint(tmp_path / "model-steps-2").config.metrics.keys() == {"loss"}


def test_saving_and_scoring_do_not_change_a_run(whole_run: Path, tmp_path: Path) -> None:
    """They draw from generators of their own."""
    once = trained(tmp_path / "once", checkpoint_every=100)
    assert checkpoints_in(tmp_path / "once") == [tmp_path / "once" / "model-steps-24"]
    assert differing(once, contents(whole_run / "model-steps-24")) == set()


def test_drawing_and_scoring_after_every_step_do_not_change_a_run(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("ca.train.history.draw_batch", lambda *grids, step, **options: drawn.append(step))
    run = TrainingRun.start(small(tmp_path), CPU)
    with TrainingOutput(tmp_path, run) as output:
        for _ in range(7):
            output.draw()
            output.score()
            ca.train.loop.training_step(run)
    assert drawn == list(range(7))
    assert (
        differing(
            {**run.automaton.state_dict(), **training_state(run)}, contents(whole_run / "model-steps-7")
        )
        == set()
    )


def limit_files(size: int) -> None:
    """Let files of this process grow no further, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_for_a_while_costs_one_checkpoint(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that could not be written then are written later."""
    limits = {9: 100, 16: resource.RLIM_INFINITY}
    before_each_step(monkeypatch, lambda step: limit_files(limits[step]) if step in limits else None)
    code, told = told_in_child(lambda: train(small(tmp_path)))
    assert code == 0
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        "model-steps-7",
        "model-steps-21",
        "model-steps-24",
    ]
    assert differing(contents(tmp_path / "model-steps-24"), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(tmp_path) == rows_without_speed(whole_run)
    assert f"ca: can't write into {tmp_path}: File too large; training goes on\n" in told
    assert told.count("ca: can't write checkpoint") == 1


def test_a_run_whose_last_checkpoint_could_not_be_saved_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_each_step(monkeypatch, lambda step: limit_files(100) if step == 9 else None)
    flags = "--steps 24 --batch-size 4 --pool-size 8 --ticks 2 4 --held-out 8 --checkpoint-every 7"
    arguments = ["train", *flags.split(), "--device", "cpu", "--output-dir", str(tmp_path)]
    code, told = told_in_child(lambda: main(arguments))
    assert code == 1
    assert [path.name for path in checkpoints_in(tmp_path)] == ["model-steps-7"]
    assert load_checkpoint(tmp_path / "model-steps-7").step == 7
    assert not list(tmp_path.glob(".*tmp*"))
    assert told.splitlines()[-1].startswith(f"ca: can't write checkpoint {tmp_path / 'model-steps-24'}: ")
    assert "Traceback" not in told


def test_a_run_continues_after_its_folder_is_deleted(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    before_each_step(monkeypatch, lambda step: shutil.rmtree(folder) if step == 9 else None)
    train(small(folder))
    assert [path.name for path in checkpoints_in(folder)] == [
        "model-steps-14",
        "model-steps-21",
        "model-steps-24",
    ]
    assert differing(contents(folder / "model-steps-24"), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(folder) == rows_without_speed(whole_run)


def test_a_folder_that_becomes_a_file_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace_folder(step: int) -> None:
        if step == 9:
            shutil.rmtree(tmp_path / "run")
            (tmp_path / "run").write_text("")

    before_each_step(monkeypatch, replace_folder)
    with pytest.raises(FailedError, match=r"^can't write checkpoint .*run/model-steps-24: "):
        train(small(tmp_path / "run"))


@pytest.mark.parametrize(
    "error", [RuntimeError("latex could not be found\n..."), MemoryError(), ValueError("x")]
)
def test_a_figure_that_fails_does_not_end_a_run(
    tmp_path: Path,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("ca.train.history.draw_loss_history", fail)
    train(small(tmp_path, steps=3, checkpoint_every=1))
    assert [path.name for path in checkpoints_in(tmp_path)] == [f"model-steps-{step}" for step in (1, 2, 3)]
    told = capsys.readouterr().err
    reason = (str(error) or "MemoryError").split("\n")[0]
    assert told.count(f"ca: can't draw {tmp_path / 'loss-history.png'}: {reason}; training goes on\n") == 1
    assert "Traceback" not in told
