"""Checkpoints: folders `model-steps-N` with `model.safetensors` and `config.json`, without pickle.

A checkpoint of a training run also has `training-state.safetensors`, which a resumed run needs.
"""

import difflib
import hashlib
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import get_args

from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from ca.checkpoint.config import CONFIG, Config, Machine, config_content, read_config
from ca.checkpoint.files import check_finite, read_file, read_tensors
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.model import CellularAutomaton
from ca.settings.choices import Dataset
from ca.settings.training import RunSettings
from ca.sizes import DIGIT_NAMES, MAX_IMAGE_SIDE
from ca.system.errors import CheckpointError, FailedError
from ca.system.publish import published
from ca.system.terminal import print_line

OTHER_STATE_BYTES = 2**26  # most that optimisers and generators take in a training state
WEIGHTS, TRAINING_STATE = "model.safetensors", "training-state.safetensors"
BUNDLED = "model-steps-100000"  # trained on MNIST
BUNDLED_DRAWN = "drawn"  # trained on drawings and distorted digits too


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: its folder, its `config.json` and the automaton that they describe."""

    path: Path
    config: Config
    automaton: CellularAutomaton

    @property
    def step(self) -> int:
        """Training steps done."""
        return self.config.step

    @property
    def dataset(self) -> str:
        """The data set that it was trained on: a name or a path."""
        return self.config.training.dataset

    def load_test_digits(self, data_dir: Path, dataset: str | None = None, *, invert: bool = False) -> Digits:
        """The test digits of its data set or of another one, with labels in the order of its classes.

        Args:
            invert: the images of the other one have dark ink on white paper

        Raises:
            FailedError: there is no such data set, or it has a class that the automaton was not trained on
        """
        if dataset is None:
            dataset, invert = self.dataset, self.config.training.invert
        return load_digits(dataset, "test", data_dir, invert=invert).of_classes(self.config.classes)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of its `model.safetensors`, in hexadecimal digits."""
        return self.config.sha256[WEIGHTS]


def save_checkpoint(
    folder: Path,
    automaton: CellularAutomaton,
    *,
    step: int,
    training: RunSettings,
    machine: Machine,
    metrics: Mapping[str, float],
    training_state: dict[str, Tensor],
    data_sha256: str | None = None,
    classes: tuple[str, ...] = DIGIT_NAMES,
) -> Path:
    """Write `folder/model-steps-N` and return its path. A checkpoint of the same step is replaced.

    Args:
        metrics: results at this step, by name
        training_state: what a resumed run needs besides the weights, by name; empty: it can't be resumed
        data_sha256: SHA-256 of the training data, if the checkpoint is to be resumed with the same data only
        classes: names of the classes, in the order of the output channels

    Raises:
        FailedError: the folder cannot be written, the disk is full, or a weight is not finite
    """
    path = folder / f"model-steps-{step}"
    tensors = {WEIGHTS: automaton.state_dict()}
    if training_state:
        tensors[TRAINING_STATE] = training_state
    try:
        check_finite(tensors[WEIGHTS])
        folder.mkdir(parents=True, exist_ok=True)
        with published(path) as temporary:
            temporary.mkdir()
            contents = {name: save(some) for name, some in tensors.items()}
            for name, content in contents.items():
                (temporary / name).write_bytes(content)
            config = config_content(
                automaton.architecture,
                step=step,
                training=training,
                machine=machine,
                metrics=metrics,
                contents=contents,
                data_sha256=data_sha256,
                classes=classes,
            )
            (temporary / CONFIG).write_bytes(config)
    except (OSError, SafetensorError, ValueError) as error:
        raise FailedError(f"can't write checkpoint {path}: {error}") from error
    return path


def bundled_checkpoint(name: str = BUNDLED) -> Path:
    """A checkpoint that comes with the package: inside an installed one, beside `src` in a clone."""
    package = Path(str(files("ca")))
    installed, cloned = package / "data" / name, package.parents[1] / "checkpoints" / name
    return installed if installed.exists() else cloned


def load_checkpoint(path: Path | None, *, bundled: str = BUNDLED) -> Checkpoint:
    """Load a checkpoint from its folder, or from its `model.safetensors`; None loads a bundled one.

    Raises:
        CheckpointError: it is missing, of another kind, damaged, or does not fit the architecture
    """
    path = bundled_checkpoint(bundled) if path is None else path
    with _reading(path):
        return _load(path)


@contextmanager
def _reading(checkpoint: Path) -> Generator[None]:
    """Report an OSError in one line: for example no permission, or a name too long for a file."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"can't read checkpoint {checkpoint}: {error.strerror}") from error


def _load(path: Path) -> Checkpoint:
    if path.name == WEIGHTS and path.is_file():
        path = path.parent
    if not path.exists():
        hint = _did_you_mean(_similar_checkpoints(path)) or ": ca train makes them"
        raise CheckpointError(f"there is no checkpoint {path}{hint}")
    if not path.is_dir():
        raise CheckpointError(f"{path} is not a checkpoint: expected a folder with {WEIGHTS} and {CONFIG}")
    for name in (WEIGHTS, CONFIG):
        if not (path / name).is_file():
            hint = _did_you_mean(_checkpoints_inside(path))
            raise CheckpointError(f"{path} is not a checkpoint: it has no {name}{hint}")
    config = read_config(path / CONFIG)
    automaton = CellularAutomaton(config.architecture)
    weights = read_tensors(path / WEIGHTS, automaton.state_dict(), config.sha256.get(WEIGHTS))
    automaton.load_state_dict(weights)
    return Checkpoint(path, config, automaton)


def load_training_state(checkpoint: Checkpoint, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a resumed run needs besides the weights.

    Args:
        expected: tensors of the same names, types and shapes

    Raises:
        CheckpointError: the checkpoint does not have it, or it is damaged or does not fit
    """
    path = checkpoint.path / TRAINING_STATE
    if not path.is_file():
        raise CheckpointError(
            f"can't resume from {checkpoint.path}: it has weights only, no {TRAINING_STATE}"
        )
    with _reading(checkpoint.path):
        return read_tensors(path, expected, checkpoint.config.sha256.get(TRAINING_STATE))


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest undamaged checkpoint of a run, or None if there is none at all.

    Damaged ones are skipped with a warning.

    Raises:
        CheckpointError: there are checkpoints, but all are damaged, or one can't be read
    """
    skipped = {}
    for path in reversed(checkpoints_in(folder)):
        try:
            checkpoint = load_checkpoint(path)
            _check_training_state(checkpoint)
        except CheckpointError as error:
            if isinstance(error.__cause__, OSError):  # it may be whole, and a run would write over it
                raise
            skipped[path] = error
        else:
            for damaged, error in skipped.items():
                print_line(f"ca: skipping {damaged}: {error}")
            return checkpoint
    if skipped:
        error = next(iter(skipped.values()))
        raise CheckpointError(f"can't resume: all checkpoints in {folder} are damaged; the newest: {error}")
    return None


def _check_training_state(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError if the training state is missing or damaged."""
    path, training = checkpoint.path / TRAINING_STATE, checkpoint.config.training
    cell_bytes = checkpoint.config.architecture.channels * 4
    side = training.board_side if training.dataset in get_args(Dataset) else MAX_IMAGE_SIDE
    pool_bytes = training.pool_size * (side**2 * cell_bytes + 8)  # with the labels
    if not path.exists():
        raise CheckpointError(f"it has no {TRAINING_STATE}")
    with _reading(checkpoint.path):
        state = read_file(path, at_most=pool_bytes + OTHER_STATE_BYTES)
    if hashlib.sha256(state).hexdigest() != checkpoint.config.sha256.get(TRAINING_STATE):
        raise CheckpointError(f"{path} is damaged")


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, in the order of their steps."""
    if not folder.is_dir():
        return []
    matches = {child: re.fullmatch(r"model-steps-(\d+)", child.name) for child in folder.iterdir()}
    found = {child: int(match[1]) for child, match in matches.items() if match}
    return sorted(found, key=lambda child: found[child])


def _similar_checkpoints(missing: Path) -> list[Path]:
    """Checkpoints beside a missing one: those of similar names, else the last ones."""
    siblings = checkpoints_in(missing.parent)
    similar = difflib.get_close_matches(missing.name, [sibling.name for sibling in siblings], cutoff=0.5)
    return [missing.parent / name for name in similar] or siblings[-3:]


def _checkpoints_inside(folder: Path) -> list[Path]:
    """The last checkpoint in a folder; if there is none, checkpoints in the folders inside it."""
    if direct := checkpoints_in(folder):
        return direct[-1:]
    found = []
    for child in sorted(folder.iterdir()):
        found += [child] if (child / WEIGHTS).is_file() else checkpoints_in(child)[-1:]
    return found[:3]


def _did_you_mean(paths: list[Path]) -> str:
    return f"; did you mean {' or '.join(map(str, paths))}?" if paths else ""
