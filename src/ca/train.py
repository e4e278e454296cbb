"""Training: the loop around the steps, that shows, saves and stops."""

import math
import shlex
import sys
from pathlib import Path

import torch

from ca.checkpoint import checkpoints_in, load_checkpoint
from ca.device import find_device
from ca.errors import FailedError
from ca.interrupt import StopSignal
from ca.output_folder import prepare_folder
from ca.settings import TrainSettings, flag_of
from ca.training_output import DRAW_EVERY, RECORD_EVERY, TrainingOutput
from ca.training_run import TrainingRun
from ca.training_step import training_step


def train(settings: TrainSettings) -> None:
    """Train to the last step, or until told to stop; either way a checkpoint is left.

    Raises:
        FailedError: the loss is no longer a number, or the output folder can't be written
        UsageError: the settings do not fit the checkpoint to resume from
    """
    device = find_device(settings.device)
    folder = prepare_folder(settings.output_dir)
    if settings.resume is None:
        _refuse_used(folder)
        run = TrainingRun.start(settings, device)
    else:
        checkpoint = load_checkpoint(settings.resume)
        if checkpoint.path.resolve().parent != folder.resolve():
            _refuse_used(folder)
        run = TrainingRun.resume(settings, checkpoint, device)

    try:
        with StopSignal() as stop, TrainingOutput(folder, run) as output:
            stop_signal = _train(run, output, stop)
    except OSError as error:
        raise FailedError(f"can't write into {folder}: {error.strerror}") from error

    path = folder / f"model-steps-{run.step}"
    if stop_signal:
        print(f"stopped; go on with: {_command_to_resume(settings, path)}", file=sys.stderr)
        raise SystemExit(128 + stop_signal)
    print(f"see it at work: {shlex.join(['ca', 'evaluate', str(path)])}", file=sys.stderr)


def _refuse_used(folder: Path) -> None:
    used = checkpoints_in(folder)
    if used:
        raise FailedError(
            f"{folder} holds a run already: go on with --resume {used[-1]}, or choose another --output-dir"
        )


def _command_to_resume(settings: TrainSettings, path: Path) -> str:
    """What to type; a checkpoint keeps neither the data folder nor the device."""
    words = ["ca", "train", "--resume", str(path)]
    for name in ("data_dir", "device"):
        value = getattr(settings, name)
        if value != getattr(TrainSettings, name):
            words += flag_of(name, value).split(" ", 1)
    return shlex.join(words)


def _train(run: TrainingRun, output: TrainingOutput, stop: StopSignal) -> int:
    """Train to the last step or to a stop signal; returns the signal's number, or 0."""
    settings, stopped_by = run.settings, 0
    while run.step < settings.steps and not stopped_by:
        loss = _train_until(_next_pause(run.step, settings), run, stop)
        if not math.isfinite(loss):
            raise FailedError(f"the loss is {loss} at step {run.step}: training stops, nothing saved")
        done = run.step == settings.steps
        stopped_by = 0 if done else stop.signal
        saving = done or bool(stopped_by) or run.step % settings.checkpoint_every == 0
        output.show(loss)
        scores = output.score() if saving and not stopped_by else {}
        output.record(loss, scores)
        if saving or run.step % DRAW_EVERY == 0:
            output.draw()
        if saving:
            output.save(loss, scores)
    return stopped_by


def _next_pause(step: int, settings: TrainSettings) -> int:
    """The next step at which there is something to record or to save."""
    pauses = ((step // every + 1) * every for every in (RECORD_EVERY, settings.checkpoint_every))
    return min(*pauses, settings.steps)


def _train_until(step: int, run: TrainingRun, stop: StopSignal) -> float:
    """Take steps until that one, or until told to stop; the mean loss, read from the device only once."""
    losses = [training_step(run)]
    while run.step < step and not stop.signal:
        losses.append(training_step(run))
    return torch.stack(losses).mean().item()
