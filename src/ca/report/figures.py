"""The figures of a report. Matplotlib is imported when they are drawn, so that its errors end no report."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ca.protocol import Measurements
from ca.render.attempt import drawing
from ca.render.palette import Palette
from ca.report.result import Result
from ca.system.errors import FailedError
from ca.system.folders import writing
from ca.system.terminal import print_line


class Figures:
    """Draws figures into a folder, and keeps the errors of those that could not be drawn."""

    def __init__(self, folder: Path, palette: Palette, names: Sequence[str]) -> None:
        self.folder = folder
        self.palette = palette
        self.names = names
        self._failures: list[FailedError] = []
        self._written: list[Path] = []

    def of_one(self, stem: Path, result: Result, measured: Measurements) -> list[Path]:
        """Draw the figures of one checkpoint; return the paths of those that were written."""
        self._written = []
        last = measured.votes.shape[0] * measured.votes.shape[1]
        with self._attempt(stem, "-confusion.png") as path:
            from ca.report.confusion import draw_confusion

            draw_confusion(result.confusion, result.checkpoint, tick=last, path=path, names=self.names)
        with self._attempt(stem, "-worst.png") as path:
            from ca.report.worst import draw_worst

            draw_worst(
                measured.votes[0],
                measured.labels[0],
                measured.last_cells[0],
                self.palette,
                name=result.checkpoint,
                path=path,
                names=self.names,
            )
        return self._written

    def of_all(self, stem: Path, results: Sequence[Result]) -> list[Path]:
        """Draw the figures of all checkpoints together; return the paths of those that were written."""
        self._written = []
        curves = {result.checkpoint: result.curves for result in results}
        ticks = results[0].ticks_per_stage
        with self._attempt(stem, "-curves.png") as path:
            from ca.report.curves import draw_shares

            draw_shares(curves, ticks, with_article=results[0].dataset == "mnist", path=path)
        with self._attempt(stem, "-magnitudes.png") as path:
            from ca.report.curves import draw_magnitudes

            draw_magnitudes(curves, ticks, path=path)
        with self._attempt(stem, "-certainty.png") as path:
            from ca.report.coverage import draw_coverage

            draw_coverage({result.checkpoint: result.certainty for result in results}, ticks, path=path)
        return self._written

    def raise_failures(self) -> None:
        """Raise the last error, if there is one, and print the others."""
        if self._failures:
            for error in self._failures[:-1]:
                print_line(f"ca: {error}")
            raise self._failures[-1]

    @contextmanager
    def _attempt(self, stem: Path, ending: str) -> Generator[Path]:
        path = stem.with_name(stem.name + ending)
        try:
            with writing(self.folder, into=True), drawing(path):
                yield path
            self._written.append(path)
        except FailedError as error:
            if str(error) not in map(str, self._failures):
                self._failures.append(error)
