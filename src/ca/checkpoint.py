"""Checkpoints: folders `model-steps-N` with `model.safetensors` and `config.json`, and no pickle.

A checkpoint of a training run also has `training-state.safetensors`, all that a resumed run needs.
It is written under a temporary name, synced and renamed, so that no crash leaves half a checkpoint.
"""

import difflib
import json
import math
import os
import re
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ca import __version__
from ca.cells import CHANNELS
from ca.errors import FailedError
from ca.model import HIDDEN, CellularAutomaton
from ca.settings import Dataset

WEIGHTS, CONFIG, TRAINING_STATE = "model.safetensors", "config.json", "training-state.safetensors"
BUNDLED = "model-steps-100000"
FORMAT = 1
MAX_CONFIG_BYTES = 1_000_000


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
    metrics: dict[str, Any],
    training_state: dict[str, Tensor],
) -> Path:
    """Write `folder/model-steps-N` and return its path.

    Args:
        training: the run's settings, as JSON values
        metrics: the run's figures so far, as JSON values

    Raises:
        FailedError: the folder can't be written, or the disk is full
    """
    path = folder / f"model-steps-{step}"
    temporary = folder / f".{path.name}.tmp-{os.getpid()}"
    config = {
        "format": FORMAT,
        "version": __version__,
        "step": step,
        "architecture": _architecture(automaton),
        "training": training,
        "metrics": metrics,
    }
    try:
        if temporary.exists():  # left by a killed process of the same number
            shutil.rmtree(temporary)
        temporary.mkdir(parents=True)
        (temporary / WEIGHTS).write_bytes(save(automaton.state_dict()))
        (temporary / TRAINING_STATE).write_bytes(save(training_state))
        (temporary / CONFIG).write_text(json.dumps(config, indent=2, allow_nan=False) + "\n")
        for written in (*temporary.iterdir(), temporary):
            _sync(written)
        _publish(temporary, path)
        _sync(folder)
    except (OSError, SafetensorError, ValueError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise FailedError(f"can't write checkpoint {path}: {error}") from error
    return path


def _publish(temporary: Path, path: Path) -> None:
    """Give a whole checkpoint its name; one that has it already goes only when the new one is there.

    A process killed between the two renames leaves both whole, under hidden names.
    """
    aside = path.with_name(f".{path.name}.old-{os.getpid()}")
    if path.exists():
        path.rename(aside)
    try:
        temporary.rename(path)
    except BaseException:
        if aside.exists():
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _architecture(automaton: CellularAutomaton) -> dict[str, Any]:
    return {
        "channels": CHANNELS,
        "hidden": HIDDEN,
        "parameters": sum(p.numel() for p in automaton.parameters()),
        "fire_rate": automaton.fire_rate,
        "noise": automaton.noise,
    }


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows can't open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def bundled_checkpoint() -> Path:
    """The checkpoint that comes with the package: inside an installed one, beside `src` in a clone."""
    package = Path(str(files("ca")))
    installed, cloned = (root / "checkpoints" / BUNDLED for root in (package, package.parents[1]))
    return installed if installed.exists() else cloned


def load_checkpoint(path: Path | None) -> Checkpoint:
    """Load a checkpoint's folder, or its `model.safetensors`; None is the bundled one.

    Raises:
        FailedError: it is missing, of another kind, truncated, or does not fit the architecture
    """
    path = bundled_checkpoint() if path is None else path
    try:
        return _load(path)
    except OSError as error:  # no right to read it, or a name too long for a file, for instance
        raise FailedError(f"can't read checkpoint {path}: {error.strerror}") from error


def _load(path: Path) -> Checkpoint:
    if path.name == WEIGHTS and path.is_file():
        path = path.parent
    if not path.exists():
        raise FailedError(f"there is no checkpoint {path}{_near(path)}")
    if not path.is_dir():
        raise FailedError(f"{path} is not a checkpoint: expected a folder with {WEIGHTS} and {CONFIG}")
    for name in (WEIGHTS, CONFIG):
        if not (path / name).is_file():
            raise FailedError(f"{path} is not a checkpoint: it has no {name}{_inside(path)}")
    config = _load_config(path / CONFIG)
    automaton = CellularAutomaton(config["architecture"]["fire_rate"], config["architecture"]["noise"])
    _load_weights(automaton, path / WEIGHTS)
    return Checkpoint(path, config, automaton)


def load_training_state(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """What a resumed run needs beyond the weights.

    Raises:
        FailedError: the checkpoint does not have it, or it is damaged
    """
    path = checkpoint.path / TRAINING_STATE
    if not path.is_file():
        raise FailedError(f"can't resume from {checkpoint.path}: it has no {TRAINING_STATE}")
    return _load_tensors(path)


def _load_config(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise FailedError(f"{path} is not a checkpoint's: it is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        config = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise FailedError(f"{path} is damaged: it is not JSON") from error
    if isinstance(config, dict) and config.get("format") != FORMAT:
        raise FailedError(
            f"{path} has format {config.get('format')!r}, this ca {__version__} reads {FORMAT}: "
            "use the version of ca that wrote it"
        )
    try:
        fire_rate, noise = (config["architecture"][name] for name in ("fire_rate", "noise"))
        fits = (
            type(config["step"]) is int
            and config["step"] >= 0
            and config["training"]["dataset"] in get_args(Dataset)
            and all(isinstance(rate, int | float) and 0 <= rate < math.inf for rate in (fire_rate, noise))
            and fire_rate <= 1
        )
    except (KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        raise FailedError(f"{path} is not a checkpoint's: step, architecture or training do not fit")
    architecture = config["architecture"]
    if (architecture.get("channels"), architecture.get("hidden")) != (CHANNELS, HIDDEN):
        raise FailedError(f"{path} describes another architecture than {CHANNELS} channels, {HIDDEN} hidden")
    return config


def _load_weights(automaton: CellularAutomaton, path: Path) -> None:
    tensors = _load_tensors(path)
    expected = automaton.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        found, wanted = tensors.get(name), expected.get(name)
        if found is None or wanted is None or found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise FailedError(f"{path} does not fit: {name} is {_kind(found)}, expected {_kind(wanted)}")
        if not found.isfinite().all():
            raise FailedError(f"{path} is damaged: {name} has values that are not finite")
    automaton.load_state_dict(tensors)


def _load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise FailedError(f"{path} is damaged or of another kind: {error}") from error


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "absent"
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _near(path: Path) -> str:
    """Names like the missing one, for an error line."""
    siblings = checkpoints_in(path.parent)
    near = difflib.get_close_matches(path.name, [sibling.name for sibling in siblings], cutoff=0.5)
    names = [str(path.parent / name) for name in near] or [str(sibling) for sibling in siblings[-3:]]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _inside(path: Path) -> str:
    found = checkpoints_in(path)
    return f"; did you mean {found[-1]}?" if found else ""


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, by step."""
    if not folder.is_dir():
        return []
    matches = {child: re.fullmatch(r"model-steps-(\d+)", child.name) for child in folder.iterdir()}
    found = {child: int(match[1]) for child, match in matches.items() if match}
    return sorted(found, key=lambda child: found[child])
