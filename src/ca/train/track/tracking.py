"""The tracking of a run: what is sent when, and that nothing which fails in it ends the run."""

import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from ca.settings.choices import TrackerName
from ca.system.errors import FailedError
from ca.system.publish import publish_json
from ca.system.reading import read_regular
from ca.system.terminal import print_line
from ca.train.track.tracker import Sent, Tracker

SENT = "sent.json"
MAX_SENT_BYTES = 1_000


class Tracking:
    """A tracker of a run, and what it has got so far, which a resumed run reads from `sent.json`.

    The first failure is reported in one line. It ends the tracking, not the run; a resumed run tries again.

    Args:
        folder: of the run; its subfolder of the tracker's name is the tracker's
        step: steps done
        settings: of the run, by name
    """

    def __init__(self, name: TrackerName, folder: Path, step: int, settings: Mapping[str, Any]) -> None:
        self.folder = folder / name
        self._name = name
        self._tracker: Tracker | None = None
        with self._ending_at_failure():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sent = _read_sent(self.folder / SENT)
            self._tracker = _starter(name)(self.folder, self._sent, step, settings)
            print_line(f"tracked by {name}: {self._tracker.place}")

    def send(self, rows: list[dict[str, Any]], pictures: Mapping[str, Path]) -> None:
        """Send the rows of metrics that the tracker does not have yet.

        Args:
            rows: all rows of the run
            pictures: PNG and GIF files that belong to the last row, by name
        """
        if self._tracker is None:
            return
        with self._ending_at_failure():
            for row in rows:
                if row["step"] > self._tracker.step:
                    numbers = {name: value for name, value in row.items() if name != "step"}
                    self._tracker.log(row["step"], numbers, pictures if row is rows[-1] else {})
                    self._tracker.step = row["step"]
            self._tracker.flush()
            self._sent = Sent(self._sent.run, self._tracker.step)
            publish_json(self.folder / SENT, asdict(self._sent))

    def close(self) -> None:
        """End the tracking."""
        with self._ending_at_failure():
            tracker, self._tracker = self._tracker, None
            if tracker is not None:
                tracker.close()

    @contextmanager
    def _ending_at_failure(self) -> Generator[None]:
        try:
            yield
        except Exception as error:  # of a foreign library, so it may be any
            failed, self._tracker = self._tracker, None
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            print_line(f"ca: {self._name} failed: {reason}; training goes on without it")
            if failed is not None:
                with suppress(Exception):
                    failed.close()


def _starter(name: TrackerName) -> Callable[[Path, Sent, int, Mapping[str, Any]], Tracker]:
    """The class of a tracker; only its library is imported."""
    if name == "tensorboard":
        from ca.train.track.tensorboard import TensorBoard

        return TensorBoard
    from ca.train.track.wandb import WeightsAndBiases

    return WeightsAndBiases


def _read_sent(path: Path) -> Sent:
    if not path.exists():
        return Sent(uuid.uuid4().hex[:12], 0)
    try:
        return msgspec.json.decode(read_regular(path, at_most=MAX_SENT_BYTES), type=Sent)
    except msgspec.DecodeError as error:
        raise FailedError(
            f"{path} is damaged ({error}): remove {path.parent} to track the run anew"
        ) from error
