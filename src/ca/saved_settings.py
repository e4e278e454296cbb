"""The settings of a run as its checkpoints keep them, and which of them a resumed run may change."""

from dataclasses import asdict
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ca.checkpoint import Checkpoint
from ca.checkpoint_files import CONFIG
from ca.errors import CheckpointError, UsageError
from ca.recipes import RECIPES
from ca.settings import TrainSettings

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
