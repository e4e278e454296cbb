"""Training: the loop around the steps, that shows, saves and stops."""

import shlex
from contextlib import nullcontext
from pathlib import Path

import torch

from ca.checkpoint import checkpoints_in, load_checkpoint
from ca.device import find_device
from ca.errors import FailedError
from ca.profile_steps import profile_steps
from ca.ranks import Ranks, joined, local_device
from ca.run_folder import hold
from ca.settings import TrainSettings, flag_of
from ca.tell import tell
from ca.training_output import DRAW_EVERY, RECORD_EVERY, TrainingOutput
from ca.training_run import TrainingRun
from ca.training_step import training_step


def train(settings: TrainSettings) -> None:
    """Train to the last step, or until told to stop; either way a checkpoint is left.

    Of several processes, the first has the folder and writes into it.

    Raises:
        FailedError: the loss is no longer a number, the folder is in use or can't be written, or another
            process of the run failed
        UsageError: the settings do not fit the checkpoint to resume from, or the number of processes
    """
    device = find_device(local_device(settings.device))
    folder = settings.output_dir
    with joined(device) as ranks, hold(folder) if ranks.leads else nullcontext():
        run = _begin(settings, device, ranks)
        try:
            with run.stop, TrainingOutput(folder, run) if ranks.leads else nullcontext() as output:
                if settings.profile:
                    profile_steps(run, folder / "profile.json")
                _train(run, output)
        except OSError as error:
            raise FailedError(f"can't write into {folder}: {error.strerror}") from error
        if output is not None and output.unsaved:
            raise output.unsaved
        stopped_by = run.stopped_by if run.step < settings.steps else 0
        path = folder / f"model-steps-{run.step}"
        if ranks.leads and stopped_by:
            tell(f"stopped; go on with: {_command_to_resume(settings, path)}")
        elif ranks.leads:
            tell(f"see it at work: {shlex.join(['ca', 'evaluate', str(path)])}")
    if stopped_by:
        raise SystemExit(128 + stopped_by)


def _begin(settings: TrainSettings, device: torch.device, ranks: Ranks) -> TrainingRun:
    """A new run or the resumed one, the same in all processes."""
    checkpoint = None if settings.resume is None else load_checkpoint(settings.resume)
    if ranks.leads and (checkpoint is None or not _holds(settings.output_dir, checkpoint.path)):
        _refuse_used(settings.output_dir)
    if checkpoint is None:
        run = TrainingRun.start(settings, device, ranks)
    else:
        run = TrainingRun.resume(settings, checkpoint, device, ranks)
    steps = set(ranks.gather(torch.tensor(run.step, device=device)).tolist())
    if len(steps) > 1:
        raise FailedError(f"the processes are at steps {sorted(steps)}: name one checkpoint with --resume")
    return run


def _holds(folder: Path, checkpoint: Path) -> bool:
    return checkpoint.resolve().parent == folder.resolve()


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


def _train(run: TrainingRun, output: TrainingOutput | None) -> None:
    """Train to the last step or to a stop signal; only the first process has an output."""
    settings = run.settings
    while run.step < settings.steps and not run.stopped_by:
        loss = _train_until(_next_pause(run.step, settings), run)
        last = run.step == settings.steps or bool(run.stopped_by)
        saving = last or run.step % settings.checkpoint_every == 0
        state = run.state() if saving else {}
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
