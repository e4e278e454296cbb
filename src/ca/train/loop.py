"""The loop around the training steps: when to record, draw and save, and when to stop."""

import torch

from ca.settings.commands import TrainSettings
from ca.train.output import TrainingOutput
from ca.train.resume import training_state
from ca.train.run import TrainingRun
from ca.train.step import training_step

RECORD_EVERY = 10  # steps between rows of metrics.jsonl, and between reads of the loss from the device
DRAW_EVERY = 1_000  # steps between redrawn figures


def train_to_end(run: TrainingRun, output: TrainingOutput | None) -> None:
    """Train to the last step or to a stop signal; only the first process has an output."""
    settings = run.settings
    while run.step < settings.steps and not run.stopped_by:
        loss = _train_until(_next_pause(run.step, settings), run)
        last = run.step == settings.steps or bool(run.stopped_by)
        saving = last or run.step % settings.checkpoint_every == 0
        state = training_state(run) if saving else {}
        if output is None:
            continue
        output.show(loss)
        scores = output.score() if saving and not run.stopped_by else {}
        output.record(loss, scores)
        if saving:
            output.save(loss, scores, state)
        if saving or run.step % DRAW_EVERY == 0:
            output.draw()


def _next_pause(step: int, settings: TrainSettings) -> int:
    """The next step at which there is something to record or to save."""
    pauses = ((step // every + 1) * every for every in (RECORD_EVERY, settings.checkpoint_every))
    return min(*pauses, settings.steps)


def _train_until(step: int, run: TrainingRun) -> float:
    """Take steps until that one, or until told to stop; the mean loss, read from the device only once."""
    losses = [training_step(run)]
    while run.step < step and not run.stopped_by:
        losses.append(training_step(run))
    return torch.stack(losses).mean().item()
