"""The study of a sweep: every trial is worked on once, by one process at a time, and none is lost."""

import csv
import io
import os
from pathlib import Path

import pytest
from filelock import FileLock
from optuna.trial import TrialState
from support.helpers import exit_code, in_child

from ca.sweep.space import Range, Space
from ca.sweep.study import Study, point_of
from ca.sweep.table import rows_of, sweep_csv, sweep_table
from ca.system.errors import UsageError

GRID = Space(grid={"hidden": [[8], [16]], "seed": [0, 1, 2]}, metric="held_out_cell_accuracy")
SEARCH = Space(
    search={"rate": Range(low=1e-4, high=1e-2, log=True), "loss": ["l2", "cross-entropy"]}, trials=5
)


def result(share: float, parameters: int = 1_000) -> dict[str, float]:
    return {"parameters": parameters, "loss": 1.5, "held_out_cell_accuracy": share}


def work(study: Study, most: int = 100) -> list[int]:
    """Finish trials one after another; their numbers."""
    numbers = []
    for _ in range(most):
        with study.next_trial() as trial:
            if trial is None:
                break
            study.finish(trial, result(0.5 + trial.number / 100))
            numbers.append(trial.number)
    return numbers


@pytest.mark.parametrize(("space", "number"), [(GRID, 6), (SEARCH, 5)], ids=["grid", "search"])
def test_several_processes_share_the_trials(space: Space, number: int, tmp_path: Path) -> None:
    one, other = Study(tmp_path, space), Study(tmp_path, space)
    with one.next_trial() as first, other.next_trial() as second:
        assert first is not None
        assert second is not None
        assert first.number != second.number
        one.finish(first, result(0.9))
        other.fail(second, "a reason")
    children = [in_child(lambda: work(Study(tmp_path, space)) and None) for _ in range(2)]
    assert [exit_code(child) for child in children] == [0, 0]
    trials = one.trials()
    done = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.FAIL)]
    assert len(trials) == len(done) == number
    assert work(Study(tmp_path, space)) == []


def test_the_trials_of_a_grid_are_all_its_points(tmp_path: Path) -> None:
    study = Study(tmp_path, GRID)
    assert len(work(study)) == 6
    points = [point_of(trial) for trial in study.trials()]
    assert points == list(GRID.points())


def test_an_interrupted_trial_is_the_next_one(tmp_path: Path) -> None:
    def killed() -> None:
        with Study(tmp_path, SEARCH).next_trial():
            os._exit(9)

    assert exit_code(in_child(killed)) == 9
    study = Study(tmp_path, SEARCH)
    (left,) = study.trials()
    assert left.state == TrialState.RUNNING
    with study.next_trial() as trial:
        assert trial is not None
        assert trial.number == 0
        assert point_of(trial).keys() == {"rate", "loss"}
        with Study(tmp_path, SEARCH).next_trial() as other:
            assert other is not None
            assert other.number == 1, "the first is worked on now"
    assert work(study) == [0, 1, 2, 3, 4]


def test_another_sweep_in_the_folder_is_refused(tmp_path: Path) -> None:
    Study(tmp_path, GRID)
    with pytest.raises(UsageError, match="holds another sweep: choose another --output-dir"):
        Study(tmp_path, SEARCH)


def test_a_search_may_be_extended(tmp_path: Path) -> None:
    assert len(work(Study(tmp_path, SEARCH))) == 5
    longer = Space(search=SEARCH.search, trials=7)
    assert work(Study(tmp_path, longer)) == [5, 6]


def test_the_table_has_means_over_seeds_and_the_best_first(tmp_path: Path) -> None:
    study = Study(tmp_path, GRID)
    shares = {(8,): [0.5, 0.6, 0.7], (16,): [0.9, 0.9, 0.93]}
    for _ in range(5):  # one seed of the wider is not done
        with study.next_trial() as trial:
            assert trial is not None
            point = point_of(trial)
            width = point["hidden"][0]
            study.finish(trial, result(shares[(width,)][point["seed"]], parameters=100 * width))
    rows = rows_of(GRID, study.trials())
    assert [row.point for row in rows] == [{"hidden": [16]}, {"hidden": [8]}]
    assert rows[1].mean("held_out_cell_accuracy") == pytest.approx(0.6)
    assert rows[1].spread("held_out_cell_accuracy") == pytest.approx(0.1)
    heading, best, worst = sweep_table(GRID, rows).splitlines()
    assert heading.split() == ["hidden", "parameters", "seeds", "held", "out", "cell", "accuracy"]
    assert best.split() == ["16", "1,600", "2", "90.0%", "±0.0%"]
    assert worst.split() == ["8", "800", "3", "60.0%", "±10.0%"]
    table = list(csv.DictReader(io.StringIO(sweep_csv(GRID, study.trials()))))
    assert [row["state"] for row in table] == ["complete"] * 5 + ["waiting"]
    assert [row["held_out_cell_accuracy"] for row in table[:3]] == ["0.5", "0.6", "0.7"]


def test_a_trial_whose_training_outlived_its_sweep_is_left_to_it(tmp_path: Path) -> None:
    def killed() -> None:
        with Study(tmp_path, GRID).next_trial():
            os._exit(9)

    assert exit_code(in_child(killed)) == 9
    study = Study(tmp_path, GRID)
    run = study.run_folder(study.trials()[0])
    run.mkdir(parents=True)
    with FileLock(run / ".lock"), study.next_trial() as trial:
        assert trial is not None
        assert trial.number == 1
    with study.next_trial() as trial:
        assert trial is not None
        assert trial.number in (0, 1)


@pytest.mark.parametrize("part", [b'{"op_code": 5, "worker_id": "x", "tri', b"\0" * 40, b"\xff\xfe"])
def test_a_last_line_that_was_cut_off_is_left_out(part: bytes, tmp_path: Path) -> None:
    """As after a full disk or a power cut."""
    assert len(work(Study(tmp_path, GRID), most=2)) == 2
    with (tmp_path / "journal.log").open("ab") as journal:
        journal.write(part)
    assert len(work(Study(tmp_path, GRID))) == 4


@pytest.mark.parametrize("content", ["my own diary", "my own\ndiary\n", "{}\n"])
def test_a_journal_that_is_not_of_a_sweep_is_left_as_it_is(content: str, tmp_path: Path) -> None:
    (tmp_path / "journal.log").write_text(content)
    with pytest.raises(UsageError, match="is not of a sweep: choose another --output-dir"):
        Study(tmp_path, GRID)
    assert (tmp_path / "journal.log").read_text() == content


def test_a_setup_that_was_interrupted_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patches:
        first = list(GRID.points())[:2]
        patches.setattr(Space, "points", lambda space: iter(first))
        Study(tmp_path, GRID)
    study = Study(tmp_path, GRID)
    assert [point_of(trial) for trial in study.trials()] == list(GRID.points())
