"""What a training run writes on its way: progress, metrics, figures and checkpoints."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ca import __version__
from ca.cells import colour_indices
from ca.checkpoint.folder import save_checkpoint
from ca.data.digits import Digits
from ca.data.source import DigitSource
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.protocol import measure, metrics_at
from ca.render.attempt import drawing
from ca.settings.training import RunSettings
from ca.system.errors import FailedError
from ca.system.folders import FolderLock, writing
from ca.system.seeds import seeded
from ca.system.terminal import print_line
from ca.train.keep import remove_others
from ca.train.metrics_file import MetricsFile
from ca.train.progress import TrainingProgress
from ca.train.resume import machine_of
from ca.train.run import TrainingRun
from ca.train.track.tracking import Tracking

SCORED_DIGITS = 1_000  # of the digits held out
SCORED_TICKS = 200
VARIED_SEED = 20  # of the distorted and written digits, the same for all runs


class TrainingOutput:
    """The output folder and the progress bar of a run, for a `with` block.

    An error of the disk or of a figure is reported, and the run continues; what could not be written is
    tried again later. Before anything is written, the folder's lock is checked: a run whose folder another
    run uses ends.

    Attributes:
        lock: of the folder, or None if nothing else writes into it
        unsaved: why the last checkpoint could not be saved, or None
    """

    def __init__(self, folder: Path, run: TrainingRun, lock: FolderLock | None = None) -> None:
        self.folder = folder
        self.lock = lock
        self.run = run
        self.metrics = MetricsFile(folder / "metrics.jsonl", keep_to_step=run.step)
        self.progress = TrainingProgress(run.step, run.settings.steps)
        self.unsaved: FailedError | None = None
        self.tracking = None
        if run.settings.track is not None:
            self.tracking = Tracking(run.settings.track, folder, run.step, _described(run))
        self._reported: dict[str, str] = {}  # the last error of each kind of file

    def __enter__(self) -> "TrainingOutput":
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.close()
        if self.tracking is not None:
            self.tracking.close()

    def show(self, loss: float) -> None:
        """Show the loss and the speed in the progress bar."""
        self.progress.show(self.run.step, loss)

    def record(self, loss: float, scores: dict[str, float]) -> None:
        """Append a row to the metrics file.

        Raises:
            FailedError: another run uses the folder
        """
        self._check_lock()
        run = self.run
        row = {
            "step": run.step,
            "loss": loss,
            "rate": run.recipe.rate_at(run.step, run.settings.steps),
            "steps_per_minute": self.progress.steps_per_minute,
        }
        with self._reporting_errors("metrics"):
            self.metrics.append(row | scores)

    def score(self) -> dict[str, float]:
        """Metrics on digits that were held out, after 200 ticks from zero state, by name.

        A run that trains on distorted or written digits is also scored on such digits.
        """
        settings, held_out = self.run.settings, self.run.held_out
        if len(held_out) == 0:
            return {}
        scores = self._score("held_out", held_out[:SCORED_DIGITS])
        source = DigitSource(held_out, augment=settings.augment, written_share=settings.written_share)
        if source.varies:
            scores |= self._score("varied", source.draw(SCORED_DIGITS, seeded(VARIED_SEED)))
        return scores

    def _score(self, name: str, digits: Digits) -> dict[str, float]:
        generator = seeded(self.run.settings.seed, self.run.generator.device)
        with self.progress.scoring(len(digits)) as advance:
            measured = measure(
                self.run.automaton,
                digits,
                stages=1,
                ticks=SCORED_TICKS,
                generator=generator,
                advance=advance,
            )
        scores = metrics_at(measured.curves(), SCORED_TICKS)
        return {f"{name}_{metric}": value for metric, value in scores.items()}

    def draw_start(self) -> None:
        """Draw what a new run begins with, so that one sees what is ink and what is not.

        Raises:
            FailedError: another run uses the folder
        """
        self._check_lock()
        if self.run.step == 0:
            with self._reporting_errors("batch"):
                self._draw_batch()

    def draw(self) -> None:
        """Draw the loss history, and samples of the pool before and after the ticks of a step.

        Raises:
            FailedError: another run uses the folder
        """
        self._check_lock()
        with self._reporting_errors("history"):
            history = self.folder / "loss-history.png"
            with drawing(history):
                from ca.train.history import draw_loss_history

                draw_loss_history(self.metrics.rows, history)
        with self._reporting_errors("batch"):
            self._draw_batch()

    def _draw_batch(self) -> None:
        run, architecture = self.run, self.run.automaton.architecture
        ticks = run.settings.ticks[-1]
        grid = run.pool.grid[: run.settings.batch_size]
        graph = CellGraph.of(grid[:, 0], architecture)
        draws = random_draws(graph, run.automaton, ticks, seeded(run.step, run.generator.device))
        with torch.no_grad():
            after = graph.scatter(rollout(run.automaton, graph, graph.gather(grid), draws), grid)
        batches = self.folder / "batches"
        batches.mkdir(parents=True, exist_ok=True)
        path = batches / f"step-{run.step:06d}.png"
        with drawing(batches):
            from ca.train.history import draw_batch

            before, now = (colour_indices(each, architecture) for each in (grid, after))
            draw_batch(before, now, names=run.held_out.names, step=run.step, ticks=ticks, path=path)

    def save(self, loss: float, scores: dict[str, float], state: dict[str, Tensor]) -> None:
        """Write a checkpoint and print a line about it.

        Raises:
            FailedError: another run uses the folder
        """
        self._check_lock()
        run = self.run
        try:
            path = save_checkpoint(
                self.folder,
                run.automaton,
                step=run.step,
                training=run.settings,
                machine=machine_of(run),
                metrics={"loss": loss, **scores},
                data_sha256=run.data_sha256,
                classes=run.held_out.names,
                training_state=state,
            )
        except FailedError as error:
            self.unsaved = error
            print_line(f"ca: {error}")
            return
        self.unsaved = None
        if run.settings.keep is not None:
            with self._reporting_errors("keep"):
                remove_others(self.folder, run.settings.keep, run.step)
        results = [f"loss {loss:.3g}"]
        results += [f"{name.replace('_', ' ')} {value:.1%}" for name, value in scores.items()]
        print_line(f"step {run.step}: {', '.join(results)}; wrote {path}")
        self.progress.restart_window()

    def track(self, *, video: bool) -> None:
        """Send the new metrics and the loss figure to the tracker, if there is one.

        Args:
            video: also a video of digits that were held out
        """
        if self.tracking is None:
            return
        history, clip = self.folder / "loss-history.png", self.tracking.folder / "digits.gif"
        pictures = {"loss history": history} if history.exists() else {}
        if video and len(self.run.held_out):
            with self._reporting_errors("video"), drawing(clip):
                from ca.evaluate.clip import write_clip

                generator = seeded(self.run.settings.seed, self.run.generator.device)
                write_clip(clip, self.run.automaton, self.run.held_out, generator)
                pictures["digits"] = clip
        self.tracking.send(self.metrics.rows, pictures)

    def _check_lock(self) -> None:
        if self.lock is not None:
            self.lock.check()

    @contextmanager
    def _reporting_errors(self, kind: str) -> Generator[None]:
        """Report an error of the disk or of a figure, unless the last one of this kind was the same."""
        try:
            with writing(self.folder, into=True):
                yield
        except FailedError as error:
            if str(error) != self._reported.get(kind):
                print_line(f"ca: {error}; training goes on")
            self._reported[kind] = str(error)
        else:
            self._reported.pop(kind, None)


def _described(run: TrainingRun) -> dict[str, Any]:
    """The settings of a run, as a tracker shows them."""
    settings = {field.name: getattr(run.settings, field.name) for field in fields(RunSettings)}
    recipe = {f"recipe {name}": value for name, value in asdict(run.recipe).items()}
    return {
        **settings,
        **recipe,
        **asdict(machine_of(run)),
        "parameters": run.automaton.architecture.parameters,
        "data_sha256": run.data_sha256,
        "version": __version__,
    }
