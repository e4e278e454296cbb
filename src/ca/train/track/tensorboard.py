"""TensorBoard: event files, which `tensorboard --logdir FOLDER` shows.

They are written without `SummaryWriter`, whose thread prints a traceback where a disk is full.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # ty: ignore[missing-module-member]
from tensorboard.compat.proto.summary_pb2 import Summary  # ty: ignore[missing-module-member]
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import text

from ca.train.track.tracker import Sent

COLOURS = 3  # of a `Summary.Image`: RGB


class TensorBoard:
    """An event file for each start of a run. `Tracker` describes the methods.

    Args:
        folder: of the event files of the run
        sent: what they have
        step: steps done; of later steps that the files have, TensorBoard keeps only those sent from now on
        settings: of the run, by name
    """

    def __init__(self, folder: Path, sent: Sent, step: int, settings: Mapping[str, Any]) -> None:
        self.place = f"tensorboard --logdir {folder}"
        self.step = min(sent.step, step)
        number = len(list(folder.glob("*tfevents*")))  # TensorBoard reads them in the order of their names
        self._file = (folder / f"events.out.tfevents.{number:06d}").open("xb")
        self._writer = RecordWriter(self._file)
        self._write(Event(file_version="brain.Event:2"))
        self._write(Event(step=self.step + 1, session_log=SessionLog(status=SessionLog.START)))
        self._write(Event(step=self.step, summary=text("settings", _table(settings))))

    def log(self, step: int, numbers: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """As in `Tracker`."""
        values = [Summary.Value(tag=name, simple_value=number) for name, number in numbers.items()]
        values += [Summary.Value(tag=name, image=_image(path)) for name, path in pictures.items()]
        self._write(Event(step=step, summary=Summary(value=values)))

    def flush(self) -> None:
        """As in `Tracker`."""
        self._writer.flush()

    def close(self) -> None:
        """As in `Tracker`."""
        self._writer.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write(event.SerializeToString())


def _image(path: Path) -> Summary.Image:
    """A picture or an animation as it is in its file."""
    with Image.open(path) as image:
        width, height = image.size
    return Summary.Image(
        height=height, width=width, colorspace=COLOURS, encoded_image_string=path.read_bytes()
    )


def _table(values: Mapping[str, Any]) -> str:
    """A table in Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in values.items())])
