"""What a checkpoint keeps of a training run, and the run that goes on from it."""

from dataclasses import asdict
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.cells import NUM_CLASSES
from ca.checkpoint.files import CONFIG
from ca.checkpoint.folder import Checkpoint, load_training_state
from ca.engine.device import machine
from ca.settings.commands import TrainSettings, flag_of
from ca.settings.recipes import RECIPES
from ca.system.errors import CheckpointError, UsageError
from ca.system.terminal import print_line
from ca.train.optimisers import make_optimiser_state, optimiser_state
from ca.train.ranks import Ranks
from ca.train.run import ALONE, TrainingRun

GENERATOR_BYTES = 5056  # the state of PyTorch's generators: no device's is larger than the CPU's
ELSEWHERE = ("resume", "profile", "output_dir", "data_dir", "device")  # settings that say where, not what
CHANGEABLE = (*ELSEWHERE, "steps", "checkpoint_every")  # settings that a resumed run may change


def settings_to_save(settings: TrainSettings) -> dict[str, Any]:
    """What a checkpoint keeps of a run's settings, as JSON values; the recipe is written out."""
    kept = {name: value for name, value in asdict(settings).items() if name not in ELSEWHERE}
    return {**kept, "optimisation": asdict(RECIPES[settings.recipe])}


def saved_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """The settings of a checkpoint's run, to be given to `TrainSettings`.

    Raises:
        CheckpointError: one of them is of the wrong kind, or makes no sense
    """
    found = {}
    for name, kind in get_type_hints(TrainSettings).items():
        if name in ELSEWHERE or name not in checkpoint.config["training"]:
            continue
        value = checkpoint.config["training"][name]
        if get_origin(kind) is tuple and isinstance(value, list):
            value = tuple(value)
            fits = all(type(one) is int for one in value)
        else:
            fits = value in get_args(kind) if get_origin(kind) is Literal else type(value) is kind
        if not fits:
            raise CheckpointError(f"{checkpoint.path / CONFIG} is damaged: {name} is {value!r:.40}")
        found[name] = value
    try:
        TrainSettings(**found)  # ty: ignore[invalid-argument-type]
    except UsageError as error:
        raise CheckpointError(f"{checkpoint.path / CONFIG} is damaged: {error}") from error
    return found


def resume_run(
    settings: TrainSettings, checkpoint: Checkpoint, device: torch.device, ranks: Ranks = ALONE
) -> TrainingRun:
    """The run that wrote a checkpoint, in the state that it had then.

    On another machine, or with another number of processes, it continues with new random numbers.

    Raises:
        UsageError: a setting differs that would make it another run
        CheckpointError: the checkpoint has no training state, or one that does not fit
    """
    saved = saved_settings(checkpoint)
    changed = [n for n in saved if n not in CHANGEABLE and getattr(settings, n) != saved[n]]
    if changed:
        asked = " ".join(flag_of(name, getattr(settings, name)) for name in changed)
        has = " ".join(flag_of(name, saved[name]) for name in changed)
        raise UsageError(f"can't resume {checkpoint.path} with {asked}: it has {has}")
    if checkpoint.step >= settings.steps:
        raise UsageError(
            f"{checkpoint.path} has {checkpoint.step} steps already: give --steps a higher number"
        )
    run = TrainingRun.start(settings, device, ranks, checkpoint.step)
    make_optimiser_state(run.optimisers, run.step)
    run.automaton.load_state_dict(checkpoint.automaton.state_dict())
    restore(run, checkpoint)
    return run


def training_state(run: TrainingRun) -> dict[str, Tensor]:
    """All that a resumed run needs beyond the weights and the step; all processes call this together."""
    gather, device = run.ranks.gather, run.pool.labels.device
    rollout_generator = run.generator.get_state()
    rollout_generator = F.pad(rollout_generator, (0, GENERATOR_BYTES - len(rollout_generator)))
    return {
        "pool.grid": gather(run.pool.grid.contiguous()).flatten(0, 1),
        "pool.labels": gather(run.pool.labels).flatten(),
        "generator.draws": run.shared_generator.get_state(),
        "generator.pool": gather(run.pool.generator.get_state().to(device)),
        "generator.chance": gather(rollout_generator.to(device)),
        **{name: kept.contiguous() for name, kept in optimiser_state(run.optimisers).items()},
    }


def machine_of(run: TrainingRun) -> dict[str, Any]:
    """What the bits of a run depend on besides its settings."""
    return machine(run.pool.labels.device, run.ranks.size)


def restore(run: TrainingRun, checkpoint: Checkpoint) -> None:
    """Set a run's pool, optimisers and generators to those of a checkpoint.

    Raises:
        CheckpointError: it has no training state, or one that does not fit
    """
    written = checkpoint.config["machine"]
    processes = written.get("processes")
    if type(processes) is not int or not 1 <= processes <= run.settings.batch_size:
        raise CheckpointError(f"{checkpoint.path / CONFIG} is damaged: processes is {processes!r:.20}")
    size, kept = run.settings.pool_size, optimiser_state(run.optimisers)
    generators = torch.empty(processes, GENERATOR_BYTES, dtype=torch.uint8)
    expected = {
        "pool.grid": torch.empty(size, *run.pool.grid.shape[1:]),
        "pool.labels": torch.empty(size, dtype=torch.int64),
        "generator.draws": generators[0],
        "generator.pool": generators,
        "generator.chance": generators,
    }
    state = load_training_state(checkpoint, expected | kept)
    rank = run.ranks.rank
    try:
        run.shared_generator.set_state(state["generator.draws"])
        if processes == run.ranks.size:
            run.pool.generator.set_state(state["generator.pool"][rank].clone())
            if written.get("device") == machine_of(run)["device"]:
                rollout_generator = state["generator.chance"][rank]
                run.generator.set_state(rollout_generator[: len(run.generator.get_state())].clone())
    except RuntimeError as error:
        raise CheckpointError(f"can't resume from {checkpoint.path}: {error}") from error
    if not ((state["pool.labels"] >= 0) & (state["pool.labels"] < NUM_CLASSES)).all():
        raise CheckpointError(f"can't resume from {checkpoint.path}: pool.labels are not classes")
    share = slice(rank * len(run.pool.labels), (rank + 1) * len(run.pool.labels))
    run.pool.grid.copy_(state["pool.grid"][share])
    run.pool.labels.copy_(state["pool.labels"][share])
    for name, target in kept.items():
        target.copy_(state[name])
    differences = [
        f"{name} {value}, was {written.get(name)!r:.40}"
        for name, value in machine_of(run).items()
        if written.get(name) != value
    ]
    if differences and run.ranks.is_main:
        print_line(f"ca: not bit for bit as before: {'; '.join(differences)}")
