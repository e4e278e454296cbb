"""`ca train`: starts or resumes a run, trains, and prints what to do next."""

import shlex
from contextlib import nullcontext
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import torch

from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.engine.device import configure_threads, resolve_device
from ca.settings.flags import flag, flag_of
from ca.settings.training import RunSettings, TrainSettings
from ca.system.errors import FailedError
from ca.system.folders import locked, writing
from ca.system.packages import refuse_missing
from ca.system.terminal import print_line
from ca.train.loop import train_to_end
from ca.train.optimisers import optimiser_state
from ca.train.output import TrainingOutput
from ca.train.profiling import profile_steps
from ca.train.ranks import Ranks, code_version, local_device, process_group
from ca.train.resume import resume_run
from ca.train.run import TrainingRun


def train(settings: TrainSettings) -> None:
    """Train to the last step or to a stop signal, and leave a checkpoint in the output folder.

    Of several processes, only the first writes files.

    Raises:
        FailedError: the loss is not finite, the folder is in use or cannot be written, or another process of
            the run failed
        UsageError: the settings do not fit the checkpoint to resume from, or the number of processes; or the
            tracker is not installed
        SystemExit: a stop signal came; the code is 128 and the signal's number
    """
    if settings.track is not None:
        refuse_missing(settings.track, flag_of("track", settings.track))
    device = resolve_device(local_device(settings.device))
    folder = settings.output_dir
    with process_group(device) as ranks, locked(folder) if ranks.is_main else nullcontext() as lock:
        run = _start_or_resume(settings, device, ranks)
        configure_threads(device, run.automaton.architecture)
        with (
            writing(folder, into=True),
            run.stop,
            TrainingOutput(folder, run, lock) if ranks.is_main else nullcontext() as output,
        ):
            if settings.profile:
                if lock is not None:
                    lock.check()
                profile_steps(run, folder / "profile.json")
            train_to_end(run, output)
        if output is not None and output.unsaved:
            raise output.unsaved
        stopped_by = run.stopped_by if run.step < settings.steps else 0
        path = folder / f"model-steps-{run.step}"
        if ranks.is_main and stopped_by:
            print_line(f"stopped; continue with: {_resume_command(path, settings)}")
        elif ranks.is_main:
            print_line(f"make a video of it: {_evaluate_command(path, settings)}")
    if stopped_by:
        raise SystemExit(128 + stopped_by)


def _start_or_resume(settings: TrainSettings, device: torch.device, ranks: Ranks) -> TrainingRun:
    """A new run or the resumed one, the same in all processes.

    Raises:
        FailedError: the processes have other settings, code, training data or states than each other
    """
    if ranks.size > 1:
        ranks.check_agreement(_described_settings(settings), device)
    checkpoint = None if settings.resume is None else load_checkpoint(settings.resume)
    if ranks.is_main and (checkpoint is None or not _holds(settings.output_dir, checkpoint.path)):
        _refuse_used(settings.output_dir)
    if checkpoint is None:
        run = TrainingRun.start(settings, device, ranks)
    else:
        run = resume_run(settings, checkpoint, device, ranks)
    if ranks.size > 1:
        ranks.check_agreement(_described_start(run), device)
    return run


def _described_settings(settings: TrainSettings) -> dict[str, str]:
    """The code and the settings that must be the same in all processes, by name."""
    names = [field.name for field in fields(RunSettings)] + ["profile"]
    described = {
        name: f"the recipe's {flag(name)}"
        if settings.follows_recipe(name)
        else flag_of(name, getattr(settings, name))
        for name in names
    }
    return {"code": code_version(), **described}


def _described_start(run: TrainingRun) -> dict[str, str]:
    """The training data and the state before the first step that must be the same in all processes."""
    state = {**run.automaton.state_dict(), **optimiser_state(run.optimisers)}
    state["shared_generator"] = run.shared_generator.get_state()
    digest = sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().flatten().numpy())
    return {
        "step": f"step {run.step}",
        "data": f"training data {run.data_sha256[:8]}",
        "state": f"initial weights and optimisers {digest.hexdigest()[:8]}",
    }


def _holds(folder: Path, checkpoint: Path) -> bool:
    return checkpoint.resolve().parent == folder.resolve()


def _refuse_used(folder: Path) -> None:
    used = checkpoints_in(folder)
    if used:
        raise FailedError(
            f"{folder} holds a run already: continue it with --resume {used[-1]}, "
            "or choose another --output-dir"
        )


def _resume_command(path: Path, settings: TrainSettings) -> str:
    return _command(["ca", "train", "--resume", str(path)], settings, ("data_dir", "device", "track"))


def _evaluate_command(path: Path, settings: TrainSettings) -> str:
    names = () if settings.dataset == "mnist" else ("data_dir",)
    return _command(["ca", "evaluate", str(path)], settings, names)


def _command(words: list[str], settings: TrainSettings, names: tuple[str, ...]) -> str:
    """A command line with those settings that are not the defaults; a checkpoint does not keep them."""
    for name in names:
        value = getattr(settings, name)
        if value != getattr(TrainSettings, name):
            words += flag_of(name, value).split(" ", 1)
    return shlex.join(words)
