"""The state of a training run that a checkpoint keeps, and how a run is resumed from it."""

import copy
from dataclasses import asdict, fields

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor

from ca.checkpoint.config import CONFIG, Machine
from ca.checkpoint.folder import Checkpoint, load_training_state
from ca.data.digits import digits_sha256
from ca.engine.device import machine
from ca.settings.flags import flag_of
from ca.settings.training import RunSettings, TrainSettings
from ca.system.errors import CheckpointError, FailedError, UsageError
from ca.system.terminal import print_line
from ca.train.optimisers import make_optimiser_state, optimiser_state
from ca.train.ranks import Ranks
from ca.train.run import ALONE, TrainingRun, training_digits

GENERATOR_BYTES = 5056  # state of a generator of the CPU; those of other devices are smaller
CHANGEABLE = ("steps", "checkpoint_every", "score_every", "keep")  # settings that a resumed run may change


def resume_run(
    settings: TrainSettings, checkpoint: Checkpoint, device: torch.device, ranks: Ranks = ALONE
) -> TrainingRun:
    """The run that wrote a checkpoint, in the state that it had then.

    With another device or number of processes it continues with new random numbers.

    Raises:
        UsageError: a setting differs that would make it another run
        FailedError: the training data have another content than those of the run
        CheckpointError: the checkpoint has no training state, or one that does not fit
    """
    saved = checkpoint.config.training
    names = [field.name for field in fields(RunSettings) if field.name not in CHANGEABLE]
    changed = [
        name
        for name in names
        if getattr(settings, name) != getattr(saved, name)
        and not (settings.follows_recipe(name) and saved.follows_recipe(name))  # then the recipe is told
    ]
    if changed:
        given = " ".join(flag_of(name, getattr(settings, name)) for name in changed)
        kept = " ".join(flag_of(name, getattr(saved, name)) for name in changed)
        raise UsageError(f"can't resume {checkpoint.path} with {given}: it has {kept}")
    if checkpoint.step >= settings.steps:
        raise UsageError(
            f"{checkpoint.path} has {checkpoint.step} steps already: give --steps a higher number"
        )
    digits = training_digits(settings)
    written = checkpoint.config.data_sha256
    if written is not None and written != digits_sha256(digits):
        count, height, width = digits.images.shape
        raise FailedError(
            f"can't resume {checkpoint.path}: its training data had another content than those of "
            f"--dataset {settings.dataset} here ({count} digits of {height}x{width}): give the folder of the "
            "same data with --data-dir"
        )
    automaton = copy.deepcopy(checkpoint.automaton)
    run = TrainingRun.start(settings, device, ranks, checkpoint.step, automaton, digits)
    make_optimiser_state(run.optimisers, run.step)
    run.automaton.load_state_dict(checkpoint.automaton.state_dict())
    restore(run, checkpoint)
    return run


def training_state(run: TrainingRun) -> dict[str, Tensor]:
    """What a resumed run needs besides weights and step, by name. All processes call this together."""
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


def machine_of(run: TrainingRun) -> Machine:
    """What the exact result of a run depends on besides its settings."""
    return msgspec.convert(
        machine(run.pool.labels.device, run.automaton.architecture, run.ranks.size), Machine
    )


def restore(run: TrainingRun, checkpoint: Checkpoint) -> None:
    """Set a run's pool, optimisers and generators to those of a checkpoint.

    Raises:
        CheckpointError: it has no training state, or one that does not fit
    """
    written, present = checkpoint.config.machine, machine_of(run)
    processes = written.processes
    if processes > run.settings.batch_size:
        raise CheckpointError(f"{checkpoint.path / CONFIG} is not valid: processes is {processes!r:.20}")
    size, kept = run.settings.pool_size, optimiser_state(run.optimisers)
    classes = run.automaton.architecture.classes
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
            if written.device == present.device:
                rollout_generator = state["generator.chance"][rank]
                run.generator.set_state(rollout_generator[: len(run.generator.get_state())].clone())
    except RuntimeError as error:
        raise CheckpointError(f"can't resume from {checkpoint.path}: {error}") from error
    if not ((state["pool.labels"] >= 0) & (state["pool.labels"] < classes)).all():
        raise CheckpointError(f"can't resume from {checkpoint.path}: pool.labels are not classes")
    share = slice(rank * len(run.pool.labels), (rank + 1) * len(run.pool.labels))
    run.pool.grid.copy_(state["pool.grid"][share])
    run.pool.labels.copy_(state["pool.labels"][share])
    for name, target in kept.items():
        target.copy_(state[name])
    if run.ranks.is_main:
        _warn_of_differences(written, present)


def _warn_of_differences(written: Machine, present: Machine) -> None:
    before = asdict(written)
    differences = [
        f"{name} {value}, was {before[name]!r:.40}"
        for name, value in asdict(present).items()
        if value != before[name]
    ]
    if differences:
        print_line(f"ca: results will differ from an uninterrupted run: {'; '.join(differences)}")
