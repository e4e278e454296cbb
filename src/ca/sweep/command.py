"""`ca sweep`: runs the trials of a sweep, and writes a table and a figure of all that are complete."""

import os
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from ca.render.attempt import drawing
from ca.settings.commands import SweepSettings
from ca.settings.flags import flag_of
from ca.sweep.file import read_space
from ca.sweep.space import Space, differing, words_of
from ca.sweep.study import FAILURE, RESULT, Study, is_begun, point_of
from ca.sweep.table import rows_of, sweep_csv, sweep_table
from ca.sweep.worker import Worker
from ca.system.errors import FailedError
from ca.system.folders import prepare_folder, writing
from ca.system.publish import published
from ca.system.signals import StopSignal
from ca.system.terminal import print_line

CHECK_EVERY = 0.2  # seconds between looks for a stop signal


def sweep(settings: SweepSettings) -> None:
    """Work on the trials of a sweep until all are done or a stop signal comes, then show the results.

    Raises:
        FailedError: the folder can't be written, or trials failed
        UsageError: the file of the sweep is refused, or the folder holds another sweep
        SystemExit: a stop signal came; the code is 128 and the signal's number
    """
    space = read_space(settings.file)
    folder = prepare_folder(settings.output_dir)
    with writing(folder, into=True):
        study = Study(folder, space)
        print_line(f"{space.number_of_trials:,} trials in {folder}; {_done(study)} done")
        stopped_by = _work(study, settings)
        _show(study, folder)
    if stopped_by:
        print_line(
            f"stopped; the same command continues: ca sweep {settings.file} {flag_of('output_dir', folder)}"
        )
        raise SystemExit(128 + stopped_by)
    failed = [trial for trial in study.trials() if is_begun(trial) and trial.state == TrialState.FAIL]
    if failed:
        raise FailedError(
            f"{len(failed)} of {space.number_of_trials} trials failed; the first: "
            f"{_named(space, failed[0])}: {failed[0].user_attrs[FAILURE]}"
        )


def _work(study: Study, settings: SweepSettings) -> int:
    """Run the workers to their end; the number of the stop signal that came, or 0."""
    cores = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else [None] * (os.cpu_count() or 1)
    )
    jobs = min(settings.jobs or len(cores), max(len(cores), study.space.number_of_trials))

    def report(trial: FrozenTrial) -> None:
        print_line(
            f"{_done(study)} of {study.space.number_of_trials}: {_named(study.space, trial)}: "
            f"{_told(study, trial)}"
        )

    # With fewer jobs the system chooses the cores: another sweep may have the first ones.
    pinned = jobs >= len(cores)
    chosen = [cores[number % len(cores)] if pinned else None for number in range(jobs)]
    workers = [Worker(study, core, settings.data_dir, report) for core in chosen]
    with StopSignal() as stop:
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(CHECK_EVERY)
                if stop.signal:
                    for each in workers:
                        each.stop()
    for worker in workers:
        if worker.error is not None:
            raise worker.error
    return stop.signal


def _show(study: Study, folder: Path) -> None:
    """Write the table and the figure of the complete trials, and print the table."""
    space, trials = study.space, study.trials()
    rows = rows_of(space, trials)
    if not rows:
        return
    table, figure = folder / "trials.csv", folder / "sweep.png"
    with published(table) as temporary:
        temporary.write_text(sweep_csv(space, trials), encoding="utf-8")
    print(sweep_table(space, rows))
    with drawing(figure):
        from ca.sweep.figure import draw_sweep

        draw_sweep(space, rows, figure)
    print(table, figure, sep="\n")


def _done(study: Study) -> int:
    return sum(
        trial.state in (TrialState.COMPLETE, TrialState.FAIL) and is_begun(trial) for trial in study.trials()
    )


def _named(space: Space, trial: FrozenTrial) -> str:
    """A trial by its settings, as flags."""
    point = point_of(trial)
    return " ".join(words_of({name: point[name] for name in differing(space) if name in point})) or "trial"


def _told(study: Study, trial: FrozenTrial) -> str:
    if trial.state == TrialState.FAIL:
        return f"failed: {trial.user_attrs[FAILURE]}"
    result = trial.user_attrs[RESULT]
    metric = study.space.metric
    return f"{metric.replace('_', ' ')} {result[metric]:.1%}, {result['parameters']:,} parameters"
