"""The loop around the training steps: when to record, draw and save, and when to stop."""

from collections.abc import Callable

import torch
from torch import Tensor

from ca.settings.training import RunSettings
from ca.train.output import TrainingOutput
from ca.train.resume import training_state
from ca.train.run import TrainingRun
from ca.train.step import training_step

RECORD_EVERY = 10  # steps between rows of metrics.jsonl; only then is the loss read from the device
DRAW_EVERY = 1_000  # steps between drawings of the figures

OnStep = Callable[[TrainingRun, Tensor], object]  # called after each step with the run and the step's loss


def ignore_step(run: TrainingRun, loss: Tensor) -> None:
    """Do nothing after a step."""


def train_to_end(run: TrainingRun, output: TrainingOutput | None) -> None:
    """Train at least one step, and until the last one or a stop signal; record, draw and save on the way.

    Args:
        output: of the main process, None in the others
    """
    settings = run.settings
    if output is not None:
        output.draw_start()
    last = False
    while not last:
        loss = train_until(run, _next_pause(run.step, settings))
        last = run.step >= settings.steps or bool(run.stopped_by)
        saving = last or run.step % settings.checkpoint_every == 0
        scoring = saving or (settings.score_every and run.step % settings.score_every == 0)
        state = training_state(run) if saving else {}  # all processes take part
        if output is None:
            continue
        output.show(loss)
        scores = output.score() if scoring and not run.stopped_by else {}
        output.record(loss, scores)
        if saving:
            output.save(loss, scores, state)
        if saving or run.step % DRAW_EVERY == 0:
            output.draw()
            output.track(video=saving and not run.stopped_by)


def train_until(run: TrainingRun, step: int, on_step: OnStep = ignore_step) -> float:
    """Train at least one step, and until the run has done `step` steps or received a stop signal.

    Writes no files and shows no progress.

    Returns:
        the mean of the losses of these steps

    Raises:
        FailedError: the loss or a gradient is not finite
    """
    losses: list[Tensor] = []
    while not losses or (run.step < step and not run.stopped_by):
        losses.append(training_step(run))
        on_step(run, losses[-1])
    return torch.stack(losses).mean().item()


def _next_pause(step: int, settings: RunSettings) -> int:
    """The next step after which there is something to record or to save."""
    every = (RECORD_EVERY, settings.checkpoint_every, settings.score_every or settings.steps)
    return min(*((step // each + 1) * each for each in every), settings.steps)
