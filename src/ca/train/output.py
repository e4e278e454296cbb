"""What a training run writes as it goes: progress, metrics, figures and checkpoints."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ca.cells import colour_indices
from ca.checkpoint.folder import save_checkpoint
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.protocol import measure, metrics_at
from ca.system.errors import FailedError
from ca.system.folders import writing
from ca.system.seeds import seeded
from ca.train.history import draw_batch, draw_loss_history
from ca.train.metrics_file import MetricsFile
from ca.train.progress import TrainingProgress
from ca.train.resume import machine_of, settings_to_save
from ca.train.run import TrainingRun

SCORED_DIGITS = 1_000  # of the digits held out, at a checkpoint
SCORED_TICKS = 200


class TrainingOutput:
    """The output folder and the progress bar of a run; to be used in a `with` block.

    Trouble with the disk is told, and does not stop the run: what could not be written is tried again later.

    Attributes:
        unsaved: why the last checkpoint could not be saved, None if it was
    """

    def __init__(self, folder: Path, run: TrainingRun) -> None:
        self.folder = folder
        self.run = run
        self.metrics = MetricsFile(folder / "metrics.jsonl", keep_to_step=run.step)
        self.progress = TrainingProgress(run.step, run.settings.steps)
        self.unsaved: FailedError | None = None
        self._trouble = ""

    def __enter__(self) -> "TrainingOutput":
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.close()

    def show(self, loss: float) -> None:
        """Recording the loss and how fast the run is."""
        self.progress.show(self.run.step, loss)

    def record(self, loss: float, scores: dict[str, float]) -> None:
        """Add a row to the metrics."""
        run = self.run
        row = {
            "step": run.step,
            "loss": loss,
            "rate": run.recipe.rate_at(run.step, run.settings.steps),
            "steps_per_minute": self.progress.steps_per_minute,
        }
        with self._going_on():
            self.metrics.append(row | scores)

    def score(self) -> dict[str, float]:
        """Metrics on digits that were held out, after 200 ticks from zero state."""
        digits = self.run.held_out[:SCORED_DIGITS]
        if len(digits) == 0:
            return {}
        generator = seeded(self.run.settings.seed, self.run.generator.device)
        measured = measure(self.run.automaton, digits, stages=1, ticks=SCORED_TICKS, generator=generator)
        scores = metrics_at(measured.curves(), SCORED_TICKS)
        return {f"held_out_{name}": value for name, value in scores.items()}

    def draw(self) -> None:
        """Redraw the loss history; picture samples of the pool before and after the ticks of a step."""
        with self._going_on():
            draw_loss_history(self.metrics.rows, self.folder / "loss-history.png")
            self._draw_batch()

    def _draw_batch(self) -> None:
        run = self.run
        ticks = run.settings.ticks[-1]
        grid = run.pool.grid[: run.settings.batch_size]
        graph = CellGraph.of(grid[:, 0])
        draws = random_draws(graph, run.automaton, ticks, seeded(run.step, run.generator.device))
        with torch.no_grad():
            after = graph.scatter(rollout(run.automaton, graph, graph.gather(grid), draws), grid)
        batches = self.folder / "batches"
        batches.mkdir(parents=True, exist_ok=True)
        draw_batch(
            colour_indices(grid),
            colour_indices(after),
            step=run.step,
            ticks=ticks,
            path=batches / f"step-{run.step:06d}.png",
        )

    def save(self, loss: float, scores: dict[str, float], state: dict[str, Tensor]) -> None:
        """Write a checkpoint, and say so."""
        run = self.run
        try:
            path = save_checkpoint(
                self.folder,
                run.automaton,
                step=run.step,
                training=settings_to_save(run.settings),
                machine=machine_of(run),
                metrics={"loss": loss, **scores},
                training_state=state,
            )
        except FailedError as error:
            self.unsaved = error
            self.progress.say(f"ca: {error}")
            return
        self.unsaved = None
        words = [f"loss {loss:.3g}"]
        words += [f"{name.replace('_', ' ')} {value:.1%}" for name, value in scores.items()]
        self.progress.say(f"step {run.step}: {', '.join(words)}; wrote {path}")
        self.progress.restart_window()

    @contextmanager
    def _going_on(self) -> Generator[None]:
        """Within the `with` block, an error of the disk is told once, and forgotten when all goes well."""
        try:
            with writing(self.folder, into=True):
                yield
        except FailedError as error:
            trouble = f"ca: {error}; training goes on"
            if trouble != self._trouble:
                self.progress.say(trouble)
            self._trouble = trouble
        else:
            self._trouble = ""
