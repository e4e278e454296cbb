"""The Optuna study of a sweep: its trials in a journal file, shared by all processes that work on it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from ca.sweep.space import Range, Space, Values
from ca.system.errors import UsageError
from ca.system.folders import LOCK

NAME, JOURNAL, SETUP_LOCK = "ca", "journal.log", ".setup-lock"
SPACE, POINT, FAILURE, RESULT = "space", "point", "failure", "result"  # attributes of the study and of trials


class Study:
    """The trials of a sweep.

    A trial is worked on by the process that holds its lock. A lock ends with its process, so a trial that is
    running for Optuna, and whose lock is free, was interrupted: whoever comes next continues it.

    Args:
        folder: of the sweep
        space: all processes must have the same

    Raises:
        UsageError: the study in the folder is of another space
    """

    def __init__(self, folder: Path, space: Space) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.folder = folder
        self.space = space
        journal = folder / JOURNAL
        sampler = optuna.samplers.TPESampler(constant_liar=True)  # running trials count as bad ones
        with FileLock(folder / SETUP_LOCK):
            _mend(journal)
            storage = JournalStorage(JournalFileBackend(str(journal)))
            self._study = optuna.create_study(
                study_name=NAME, storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
            )
            self._set_up()

    def _set_up(self) -> None:
        described = json.dumps(_described(self.space), sort_keys=True)
        found = self._study.user_attrs.get(SPACE)
        if found is None and self.trials():
            raise UsageError(f"{self.folder} holds another study: choose another --output-dir")
        if found is None:
            self._study.set_user_attr(SPACE, described)
        elif found != described:
            raise UsageError(f"{self.folder} holds another sweep: choose another --output-dir")
        if not self.space.search:  # also the rest, where the first start was interrupted
            for point in islice(self.space.points(), len(self.trials()), None):
                self._study.enqueue_trial({}, user_attrs={POINT: point})

    def trials(self) -> list[FrozenTrial]:
        """All trials so far."""
        return self._study.get_trials(deepcopy=False)

    @contextmanager
    def next_trial(self) -> Generator[FrozenTrial | None]:
        """A trial to work on within the `with` block: an interrupted one, else a new one, or None."""
        with FileLock(self.folder / SETUP_LOCK):
            taken = self._interrupted() or self._new()
        if taken is None:
            yield None
            return
        number, lock = taken
        try:
            yield self.trials()[number]
        finally:
            lock.release()

    def _interrupted(self) -> tuple[int, FileLock] | None:
        for trial in self.trials():
            if trial.state == TrialState.RUNNING:
                lock = self._lock(trial.number)
                with suppress(Timeout):
                    lock.acquire(timeout=0)
                    if self._trains_alone(trial):
                        lock.release()
                    elif POINT in trial.user_attrs:
                        return trial.number, lock
                    else:
                        self.fail(trial, "interrupted before it began")
                        lock.release()
        return None

    def _trains_alone(self, trial: FrozenTrial) -> bool:
        """Whether the training of a trial goes on although its sweep was killed."""
        lock = self.run_folder(trial) / LOCK
        try:
            if lock.exists():
                with FileLock(lock, timeout=0):
                    pass
        except Timeout:
            return True
        return False

    def _new(self) -> tuple[int, FileLock] | None:
        begun = [trial for trial in self.trials() if is_begun(trial)]
        if len(begun) >= self.space.number_of_trials:
            return None
        trial = self._study.ask()
        lock = self._lock(trial.number)
        lock.acquire(timeout=0)
        if self.space.search:
            point = {name: _suggest(trial, name, values) for name, values in self.space.search.items()}
            trial.set_user_attr(POINT, point)
        return trial.number, lock

    def finish(self, trial: FrozenTrial, result: dict[str, Any]) -> None:
        """Record the metrics of a trial."""
        self._set(trial, RESULT, result)
        self._study.tell(trial.number, result[self.space.metric])

    def fail(self, trial: FrozenTrial, reason: str) -> None:
        """Record why a trial failed."""
        self._set(trial, FAILURE, reason)
        self._study.tell(trial.number, state=TrialState.FAIL)

    def run_folder(self, trial: FrozenTrial) -> Path:
        """The output folder of a trial's run."""
        return self.folder / "trials" / f"{trial.number:04d}"

    def _set(self, trial: FrozenTrial, name: str, value: Any) -> None:
        optuna.Trial(self._study, trial._trial_id).set_user_attr(name, value)

    def _lock(self, number: int) -> FileLock:
        folder = self.folder / "trials"
        folder.mkdir(exist_ok=True)
        return FileLock(folder / f".lock-{number:04d}")


def _mend(journal: Path) -> None:
    """Cut the last line of a journal if a full disk or a power cut has left a part of it.

    Raises:
        UsageError: it is no journal of a sweep
    """
    if not journal.exists():
        return
    lock = JournalFileSymlinkLock(str(journal))  # that of whoever appends a line
    lock.acquire()
    try:
        content = journal.read_bytes()
        first, *others = content.split(b"\n", 1)
        ours = first.startswith(b'{"op_code":') and (not others or f'"{NAME}"'.encode() in first)
        if content.strip(b"\0") and not ours:
            raise UsageError(f"{journal} is not of a sweep: choose another --output-dir")
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(journal, whole)
    finally:
        lock.release()


def is_begun(trial: FrozenTrial) -> bool:
    """Whether a trial has been worked on."""
    return trial.state != TrialState.WAITING and POINT in trial.user_attrs


def point_of(trial: FrozenTrial) -> Values:
    """The settings in which a trial differs from others."""
    return trial.user_attrs.get(POINT, {})


def _suggest(trial: optuna.Trial, name: str, values: Range | list[Any]) -> Any:
    if isinstance(values, list):
        chosen = trial.suggest_categorical(name, [json.dumps(value) for value in values])
        return json.loads(chosen)
    if values.whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _described(space: Space) -> dict[str, Any]:
    """What must be the same in all processes. More trials of a search may be asked for later."""
    search = {
        name: values if isinstance(values, list) else [values.low, values.high, values.log, values.whole]
        for name, values in space.search.items()
    }
    return {
        "settings": space.settings,
        "variants": space.variants,
        "grid": space.grid,
        "search": search,
        "metric": space.metric,
    }
