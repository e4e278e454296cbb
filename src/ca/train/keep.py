"""Which checkpoints of a run are kept with `--keep`: the last ones and the best."""

import os
from contextlib import suppress
from pathlib import Path

from ca.checkpoint.config import CONFIG, read_config
from ca.checkpoint.folder import TRAINING_STATE, WEIGHTS, checkpoints_in
from ca.system.errors import CheckpointError
from ca.system.publish import staging

BEST_BY = "held_out_cell_accuracy"


def remove_others(folder: Path, keep: int, step: int) -> None:
    """Remove the checkpoints of a run up to a step, but for the last `keep` of them and the best.

    The best has the highest cell accuracy on the digits held out. Checkpoints of later steps, which a resumed
    run will write again, stay, and so do folders with other files in them.

    Raises:
        OSError: one can't be removed
    """
    done = [path for path in checkpoints_in(folder) if int(path.name.rpartition("-")[2]) <= step]
    kept = {*done[-keep:], _best(done)}
    for path in done:
        if path not in kept and _is_whole_content(path):
            with staging(folder) as removed:  # it disappears at once, whatever happens then
                path.rename(removed / path.name)


def _best(checkpoints: list[Path]) -> Path | None:
    scores: dict[Path, float] = {}
    for path in checkpoints:
        with suppress(CheckpointError, OSError, KeyError):
            scores[path] = read_config(path / CONFIG).metrics[BEST_BY]
    return max(scores, key=lambda path: scores[path], default=None)


def _is_whole_content(path: Path) -> bool:
    """Whether a folder has nothing but the files of a checkpoint in it."""
    if path.is_symlink() or not path.is_dir():
        return False
    return set(os.listdir(path)) <= {CONFIG, WEIGHTS, TRAINING_STATE}
