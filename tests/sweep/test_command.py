"""`ca sweep`: trials run, fail, are interrupted and continued; what is printed and written."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.helpers import (
    error_line,
    exit_code,
    in_child,
    random_automaton,
    reseal,
    saved_automaton,
    shell_program,
)

import ca.sweep.worker
from ca.checkpoint.folder import load_checkpoint
from ca.cli import main
from ca.sweep.file import read_space
from ca.sweep.study import Study
from ca.sweep.table import Row, sweep_table

SWEEP = """
metric = "{metric}"
[settings]
recipe = "article"
steps = 4
checkpoint-every = 2
batch-size = 4
pool-size = 8
ticks = [2, 3]
held-out = 8
[grid]
seed = [0, 1]
loss = ["l2", "cross-entropy"]
"""


def file_of(folder: Path, metric: str = "held_out_agreement") -> str:
    path = folder / "sweep.toml"
    path.write_text(SWEEP.format(metric=metric))
    return str(path)


@pytest.fixture
def instant_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of `ca train` that copies a checkpoint; it fails for the loss in a file."""
    path = saved_automaton(tmp_path / "made", random_automaton(dtype=torch.float32))
    metrics = {"loss": 2.5, "held_out_agreement": 0.75}
    reseal(path, lambda config: config.update(metrics=metrics, training=config["training"] | {"steps": 7}))
    fails = tmp_path / "fails"
    fails.write_text("none")
    script = f"""
while [ $# -gt 1 ]; do
  [ "$1" = --output-dir ] && folder=$2
  [ "$1" = --loss ] && loss=$2
  shift
done
if [ "$loss" = "$(cat {fails})" ]; then echo 'ca: the loss is not finite' >&2; exit 1; fi
cp -r {path} "$folder"
"""
    program = shell_program(tmp_path / "train", script)
    monkeypatch.setattr("ca.sweep.worker.TRAIN", (program,))
    return fails


@pytest.mark.usefixtures("instant_training")
def test_all_trials_are_run_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sweep"
    command = ["sweep", file_of(tmp_path), "--output-dir", str(folder)]
    main(command)
    output, error = capsys.readouterr()
    *table, csv, figure = output.splitlines()
    assert len(table) == 3
    assert table[1].split() == ["l2", "22,499", "2", "75.0%", "±0.0%"]
    assert [csv, figure] == [str(folder / "trials.csv"), str(folder / "sweep.png")]
    with Image.open(figure) as image:
        assert image.width > 500
    assert error.splitlines()[0] == f"4 trials in {folder}; 0 done"
    assert "4 of 4: --loss " in error
    main(command)
    assert capsys.readouterr().err.splitlines() == [f"4 trials in {folder}; 4 done"], "nothing is repeated"


def test_a_trial_that_fails_does_not_stop_the_others(
    instant_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instant_training.write_text("cross-entropy")
    with pytest.raises(SystemExit) as caught:
        main(["sweep", file_of(tmp_path), "--output-dir", str(tmp_path / "sweep"), "--jobs", "1"])
    assert caught.value.code == 1
    output, error = capsys.readouterr()
    assert output.splitlines()[1].split() == ["l2", "22,499", "2", "75.0%", "±0.0%"]
    assert error.splitlines()[-1] == (
        "ca: 2 of 4 trials failed; the first: --loss cross-entropy --seed 0: the loss is not finite"
    )


def test_without_optuna_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ca.system.packages.find_spec", lambda name: None)
    line = error_line(["sweep", file_of(tmp_path)], 2, capsys)
    assert line == "ca sweep needs the package optuna: pip install optuna"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system can't pin processes")
@pytest.mark.parametrize("jobs", [None, 1])
def test_each_worker_has_a_core_of_its_own_if_there_are_as_many(
    jobs: int | None, instant_training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ca.sweep.worker.TRAIN[0]
    told = tmp_path / "told"
    script = f"sleep 0.3\necho $OMP_NUM_THREADS $(grep Cpus_allowed_list /proc/self/status) >> {told}\n"
    noting = shell_program(tmp_path / "noting", f'{script}exec {program} "$@"')
    monkeypatch.setattr("ca.sweep.worker.TRAIN", (noting,))
    cores = sorted(os.sched_getaffinity(0))[:2]
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(cores))
    flags = [] if jobs is None else ["--jobs", str(jobs)]
    main(["sweep", file_of(tmp_path), "--output-dir", str(tmp_path / "sweep"), *flags])
    seen = [line.split() for line in told.read_text().splitlines()]
    assert [words[0] for words in seen] == ["1"] * 4
    allowed = {words[-1] for words in seen}
    if jobs is None:
        assert allowed == {str(core) for core in cores}
    elif len(cores) > 1:
        assert not allowed & {str(core) for core in cores}, "free to run on any"


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork
@pytest.mark.longest
def test_an_interrupted_trial_is_resumed_and_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(SWEEP.format(metric="held_out_agreement").split("[grid]")[0])
    folder = tmp_path / "sweep"
    command = ["sweep", str(path), "--output-dir", str(folder), "--jobs", "1"]
    run = folder / "trials" / "0000"
    child = in_child(lambda: main(command))
    deadline = time.monotonic() + 60
    while not (run / "model-steps-2").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child, signal.SIGTERM)
    assert exit_code(child) == 128 + signal.SIGTERM
    assert not (run / "model-steps-4").exists()
    main(command)
    assert "stopped; continue with" in (run / "train.log").read_text()
    flags = "--recipe article --steps 4 --batch-size 4 --pool-size 8 --ticks 2 3 --held-out 8"
    main(["train", *flags.split(), "--output-dir", str(tmp_path / "whole")])
    one, other = (load_checkpoint(each / "model-steps-4") for each in (run, tmp_path / "whole"))
    assert one.weights_sha256 == other.weights_sha256
    assert (folder / "trials.csv").read_text().splitlines()[1].startswith("0,complete,")


def test_trials_with_other_metrics_have_one_table(
    instant_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Distorted digits are scored, too, where a trial trains on them."""
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP.split("[grid]")[0].format(metric="held_out_agreement") + "[grid]\nseed = [1, 2]")
    main(["sweep", str(path), "--output-dir", str(tmp_path / "sweep")])
    space, trials = read_space(path), Study(tmp_path / "sweep", read_space(path)).trials()
    rows = [Row(point={}, results=[trial.user_attrs["result"]]) for trial in trials]
    rows[1].results[0] = rows[1].results[0] | {"varied_agreement": 0.25}
    heading, first, second = sweep_table(space, rows).splitlines()
    assert heading.endswith("varied agreement")
    assert second.endswith("25.0%")
    assert len(first) < len(second), "an empty cell"


def last_error(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 1
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("code", [130, 143, -signal.SIGTERM])
def test_a_training_that_is_stopped_from_outside_is_continued(
    code: int,
    instant_training: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ca.sweep.worker.SIGNAL_TIME", 0.01)
    command = ["sweep", file_of(tmp_path), "--output-dir", str(tmp_path / "sweep"), "--jobs", "1"]
    with monkeypatch.context() as patches:
        end = f"exit {code}" if code > 0 else f"kill -{-code} $$"
        patches.setattr("ca.sweep.worker.TRAIN", (shell_program(tmp_path / "stopped", end),))
        line = last_error(command, capsys)
    assert line.endswith("0000 was stopped from outside: the same command continues it")
    main(command)
    assert "4 of 4: " in capsys.readouterr().err


def test_a_training_that_ended_before_it_was_recorded_is_recorded(
    instant_training: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["sweep", file_of(tmp_path), "--output-dir", str(tmp_path / "sweep"), "--jobs", "1"]
    program = ca.sweep.worker.TRAIN[0]
    with monkeypatch.context() as patches:  # it trains to its end, then the sweep is gone
        ended = shell_program(tmp_path / "ended", f'{program} "$@"; exit 143')
        patches.setattr("ca.sweep.worker.TRAIN", (ended,))
        patches.setattr("ca.sweep.worker.SIGNAL_TIME", 0.01)
        last_error(command, capsys)
    never = shell_program(tmp_path / "never", f'case $* in *0000*) exit 9;; esac; exec {program} "$@"')
    monkeypatch.setattr("ca.sweep.worker.TRAIN", (never,))
    main(command)
    assert "4 of 4: " in capsys.readouterr().err
