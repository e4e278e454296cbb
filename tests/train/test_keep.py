"""`--keep` and `--score-every`: what stays of a run, and when it is scored."""

import json
import shutil
from pathlib import Path

import pytest
from support.helpers import reseal
from support.small_run import CPU, contents, differing, small, trained

from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.train.keep import remove_others
from ca.train.metrics_file import read_metrics
from ca.train.resume import resume_run

pytestmark = pytest.mark.usefixtures("quick")


def names(folder: Path) -> list[str]:
    return [path.name for path in checkpoints_in(folder)]


def test_the_last_checkpoints_and_the_best_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.2, 0.9, 0.3, 0.1, 0.4, 0.5])
    monkeypatch.setattr(
        "ca.train.output.TrainingOutput.score", lambda self: {"held_out_cell_accuracy": next(shares)}
    )
    trained(tmp_path, steps=12, checkpoint_every=2, keep=2)
    assert names(tmp_path) == ["model-steps-4", "model-steps-10", "model-steps-12"]
    assert not list(tmp_path.glob(".ca-*"))


@pytest.mark.parametrize(
    ("keep", "step", "left"),
    [(1, 24, [7, 24]), (2, 24, [7, 21, 24]), (1, 14, [7, 14, 21, 24]), (9, 24, [7, 14, 21, 24])],
)
def test_checkpoints_of_later_steps_stay(
    keep: int, step: int, left: list[int], whole_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    for number, path in enumerate(checkpoints_in(folder)):
        reseal(
            path,
            lambda config, number=number: config["metrics"].update(held_out_cell_accuracy=1 - number / 9),
        )
    remove_others(folder, keep, step)
    assert names(folder) == [f"model-steps-{number}" for number in left]


def test_what_is_not_the_run_s_stays(whole_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    (folder / "model-steps-14" / "notes.txt").write_text("mine")
    (folder / "model-steps-9").symlink_to(whole_run / "model-steps-7", target_is_directory=True)
    (folder / "model-steps-11").write_text("a file")
    remove_others(folder, 1, 24)
    assert {"model-steps-9", "model-steps-11", "model-steps-14", "model-steps-24"} <= set(names(folder))
    assert (whole_run / "model-steps-7" / "config.json").exists()


def test_scores_come_as_often_as_asked_and_change_nothing(whole_run: Path, tmp_path: Path) -> None:
    weights = trained(tmp_path, score_every=5)
    scored = [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl") if "held_out_agreement" in row]
    assert scored == [5, 7, 10, 14, 15, 20, 21, 24]
    assert differing(weights, contents(whole_run / "model-steps-24")) == set()
    assert (
        json.loads((tmp_path / "model-steps-24" / "config.json").read_text())["training"]["score_every"] == 5
    )


def test_both_may_change_when_a_run_is_resumed(whole_run: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(whole_run / "model-steps-14")
    assert resume_run(small(tmp_path, score_every=3, keep=1), checkpoint, CPU).step == 14
