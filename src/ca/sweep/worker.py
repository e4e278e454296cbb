"""One core's part of a sweep: it runs one trial after another, each as a process of `ca train`."""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from ca.checkpoint.config import CONFIG, read_config
from ca.checkpoint.folder import checkpoints_in
from ca.sweep.space import words_of
from ca.sweep.study import Study, point_of
from ca.system.children import start
from ca.system.errors import FailedError
from ca.system.signals import STOP_SIGNALS

TRAIN = (sys.executable, "-m", "ca", "train")
LOG = "train.log"
SIGNAL_TIME = 2.0  # seconds in which a signal to all processes reaches all of them
ENDED_BY_SIGNAL = {code for number in STOP_SIGNALS for code in (128 + number, -number)}
LAST_LINES = 20  # of a log that are searched for the reason of a failure


class Worker(threading.Thread):
    """Runs trials until there are none left, or until `stop` is called.

    Args:
        core: number of the processor's core that the trials are pinned to; None: not pinned
        data_dir: folder of the data sets other than MNIST
        report: called with each trial when it has ended
    """

    def __init__(
        self, study: Study, core: int | None, data_dir: Path, report: Callable[[FrozenTrial], object]
    ) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._study, self._core, self._data_dir, self._report = study, core, data_dir, report
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let the present trial save and end; it is continued by the next sweep."""
        self._stopping.set()
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                process.terminate()

    def run(self) -> None:
        """Work on trials; what goes wrong with the study itself is in `error` afterwards."""
        try:
            while not self._stopping.is_set():
                with self._study.next_trial() as trial:
                    if trial is None:
                        return
                    self._work_on(trial)
        except Exception as error:
            self.error = error

    def _work_on(self, trial: FrozenTrial) -> None:
        folder = self._study.run_folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        code = 0 if _is_trained(folder) else self._train(trial, folder)
        if code == 0:
            self._finish(trial, folder)
        elif code in ENDED_BY_SIGNAL:
            if not self._stopping.wait(SIGNAL_TIME):  # the signal may have reached the training first
                raise FailedError(f"{folder} was stopped from outside: the same command continues it")
            return
        else:
            self._study.fail(trial, _last_line(folder / LOG) or f"exit code {code}")
        self._report(self._study.trials()[trial.number])

    def _finish(self, trial: FrozenTrial, folder: Path) -> None:
        config = read_config(checkpoints_in(folder)[-1] / CONFIG)
        found: dict[str, Any] = {"parameters": config.architecture.parameters, **config.metrics}
        self._study.finish(trial, found)

    def _train(self, trial: FrozenTrial, folder: Path) -> int:
        """Run the trial's training to its end, from its newest checkpoint on: its exit code."""
        values = {**self._study.space.settings, **point_of(trial)}
        run = folder.absolute()  # a folder may be called -x
        own = {"output_dir": run, "resume": run, "data_dir": self._data_dir}
        command = [*TRAIN, *words_of({**values, **own})]
        with (folder / LOG).open("ab") as log:
            self._process = start(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log.fileno(),
                stderr=log.fileno(),
                environment={"OMP_NUM_THREADS": "1"},
            )
            if self._core is not None:
                with suppress(OSError):  # it has just ended
                    os.sched_setaffinity(self._process.pid, {self._core})
            if self._stopping.is_set():
                self._process.terminate()
            return self._process.wait()


def _is_trained(folder: Path) -> bool:
    """Whether all steps were done, but the sweep was killed before it recorded them."""
    checkpoints = checkpoints_in(folder)
    if not checkpoints:
        return False
    with suppress(FailedError):  # a damaged one; the training says so, and begins with an older one
        config = read_config(checkpoints[-1] / CONFIG)
        return config.step >= config.training.steps
    return False


def _last_line(log: Path) -> str:
    """The last line of a log that says what went wrong."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        last = deque(lines, LAST_LINES)
    return next((line.strip().removeprefix("ca: ") for line in reversed(last) if line.startswith("ca: ")), "")
