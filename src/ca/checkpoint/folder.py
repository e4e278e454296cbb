"""Checkpoints: folders `model-steps-N` with `model.safetensors` and `config.json`, and no pickle.

A checkpoint of a training run also has `training-state.safetensors`, all that a resumed run needs.
"""

import difflib
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from ca import __version__
from ca.cells import CHANNELS
from ca.checkpoint.files import CONFIG, FORMAT, check_finite, read_config, read_tensors, sealed
from ca.model import HIDDEN, CellularAutomaton
from ca.settings.choices import Dataset
from ca.system.errors import CheckpointError, FailedError
from ca.system.publish import published
from ca.system.terminal import print_line

WEIGHTS, TRAINING_STATE = "model.safetensors", "training-state.safetensors"
BUNDLED = "model-steps-100000"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: its folder, its `config.json` and the automaton that they describe."""

    path: Path
    config: dict[str, Any]
    automaton: CellularAutomaton

    @property
    def step(self) -> int:
        """Training steps done."""
        return self.config["step"]

    @property
    def dataset(self) -> Dataset:
        """The data set that it was trained on."""
        return self.config["training"]["dataset"]


def save_checkpoint(
    folder: Path,
    automaton: CellularAutomaton,
    *,
    step: int,
    training: dict[str, Any],
    machine: dict[str, Any],
    metrics: dict[str, Any],
    training_state: dict[str, Tensor],
) -> Path:
    """Write `folder/model-steps-N` and return its path.

    Args:
        training: the run's settings, as JSON values
        machine: what the bits of a run depend on besides them, as JSON values
        metrics: the run's figures so far, as JSON values

    Raises:
        FailedError: the folder can't be written, the disk is full, or a weight is not finite
    """
    path = folder / f"model-steps-{step}"
    config = {
        "format": FORMAT,
        "version": __version__,
        "step": step,
        "architecture": _architecture(automaton),
        "training": training,
        "machine": machine,
        "metrics": metrics,
    }
    tensors = {WEIGHTS: automaton.state_dict(), TRAINING_STATE: training_state}
    try:
        check_finite(tensors[WEIGHTS])
        folder.mkdir(parents=True, exist_ok=True)
        with published(path) as temporary:
            temporary.mkdir()
            contents = {name: save(some) for name, some in tensors.items()}
            for name, content in contents.items():
                (temporary / name).write_bytes(content)
            (temporary / CONFIG).write_bytes(sealed(config, contents))
    except (OSError, SafetensorError, ValueError) as error:
        raise FailedError(f"can't write checkpoint {path}: {error}") from error
    return path


def _architecture(automaton: CellularAutomaton) -> dict[str, Any]:
    return {
        "channels": CHANNELS,
        "hidden": HIDDEN,
        "parameters": sum(p.numel() for p in automaton.parameters()),
        "fire_rate": automaton.fire_rate,
        "noise": automaton.noise,
    }


def bundled_checkpoint() -> Path:
    """The checkpoint that comes with the package: inside an installed one, beside `src` in a clone."""
    package = Path(str(files("ca")))
    installed, cloned = package / "data" / BUNDLED, package.parents[1] / "checkpoints" / BUNDLED
    return installed if installed.exists() else cloned


def load_checkpoint(path: Path | None) -> Checkpoint:
    """Load a checkpoint's folder, or its `model.safetensors`; None is the bundled one.

    Raises:
        CheckpointError: it is missing, of another kind, damaged, or does not fit the architecture
    """
    path = bundled_checkpoint() if path is None else path
    try:
        return _load(path)
    except OSError as error:  # no right to read it, or a name too long for a file, for instance
        raise CheckpointError(f"can't read checkpoint {path}: {error.strerror}") from error


def _load(path: Path) -> Checkpoint:
    if path.name == WEIGHTS and path.is_file():
        path = path.parent
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint {path}{_near(path) or ': ca train makes them'}")
    if not path.is_dir():
        raise CheckpointError(f"{path} is not a checkpoint: expected a folder with {WEIGHTS} and {CONFIG}")
    for name in (WEIGHTS, CONFIG):
        if not (path / name).is_file():
            raise CheckpointError(f"{path} is not a checkpoint: it has no {name}{_inside(path)}")
    config = read_config(path / CONFIG)
    automaton = CellularAutomaton(config["architecture"]["fire_rate"], config["architecture"]["noise"])
    automaton.load_state_dict(read_tensors(path / WEIGHTS, automaton.state_dict(), config))
    return Checkpoint(path, config, automaton)


def load_training_state(checkpoint: Checkpoint, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a resumed run needs beyond the weights.

    Args:
        expected: tensors of the same names, types and shapes

    Raises:
        CheckpointError: the checkpoint does not have it, or it is damaged or does not fit
    """
    path = checkpoint.path / TRAINING_STATE
    if not path.is_file():
        raise CheckpointError(f"can't resume from {checkpoint.path}: it has no {TRAINING_STATE}")
    try:
        return read_tensors(path, expected, checkpoint.config)
    except OSError as error:
        raise CheckpointError(f"can't read checkpoint {checkpoint.path}: {error.strerror}") from error


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole; those that are not are told of. None if there is none."""
    for path in reversed(checkpoints_in(folder)):
        try:
            checkpoint = load_checkpoint(path)
            with (path / TRAINING_STATE).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != checkpoint.config["sha256"].get(TRAINING_STATE):
                raise CheckpointError(f"{path / TRAINING_STATE} is damaged")
        except (CheckpointError, OSError) as error:
            print_line(f"ca: passing over {path}: {error}")
        else:
            return checkpoint
    return None


def _near(path: Path) -> str:
    """Names like the missing one, for an error line."""
    siblings = checkpoints_in(path.parent)
    near = difflib.get_close_matches(path.name, [sibling.name for sibling in siblings], cutoff=0.5)
    names = [str(path.parent / name) for name in near] or [str(sibling) for sibling in siblings[-3:]]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _inside(path: Path) -> str:
    """The newest checkpoint in a folder, or of each run in it, for an error line."""
    found = checkpoints_in(path)[-1:]
    if not found:
        runs = sorted({checkpoint.parent for checkpoint in path.glob("*/model-steps-*")})
        found = [checkpoint for run in runs for checkpoint in checkpoints_in(run)[-1:]]
    return f"; did you mean {' or '.join(map(str, found[:3]))}?" if found else ""


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, by step."""
    if not folder.is_dir():
        return []
    matches = {child: re.fullmatch(r"model-steps-(\d+)", child.name) for child in folder.iterdir()}
    found = {child: int(match[1]) for child, match in matches.items() if match}
    return sorted(found, key=lambda child: found[child])
