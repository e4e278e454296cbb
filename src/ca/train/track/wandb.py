"""Weights & Biases: a run in a user's account, or on this disk until `wandb sync` uploads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from ca.train.track.tracker import Sent

PROJECT = "ca"  # unless the variable WANDB_PROJECT names another
FINISH_LIMIT = 60.0  # seconds for what is not uploaded yet at the end; `wandb sync` uploads the rest


class WeightsAndBiases:
    """A run of W&B. `Tracker` describes the methods.

    Args:
        folder: of the files of the run
        sent: what W&B has; as it can't forget any of it, it gets later steps only
        step: steps done
        settings: of the run, by name
    """

    def __init__(self, folder: Path, sent: Sent, step: int, settings: Mapping[str, Any]) -> None:
        account = bool(os.environ.get("WANDB_MODE")) or wandb.login(prompt=False)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            dir=folder.parent.absolute(),  # in which W&B makes a folder `wandb`
            id=sent.run,
            resume="allow",
            config=dict(settings),
            allow_val_change=True,  # a resumed run may have other steps
            mode=None if account else "offline",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,  # it would describe the folder that the command was run in
                finish_timeout=FINISH_LIMIT,
            ),
        )
        offline = f"on this machine; to upload it: wandb sync {folder}/*-{sent.run}"
        self.place = offline if self._run.offline else str(self._run.url)
        self.step = sent.step

    def log(self, step: int, numbers: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """As in `Tracker`."""
        media = {name: _media(path) for name, path in pictures.items()}
        self._run.log({**numbers, **media}, step=step, commit=True)

    def flush(self) -> None:
        """As in `Tracker`: a process of W&B has everything, and outlives this one."""

    def close(self) -> None:
        """As in `Tracker`."""
        try:
            self._run.finish()
        finally:
            wandb.teardown()  # else it is called when Python ends, and prints a traceback if it fails


def _media(path: Path) -> wandb.Image | wandb.Video:
    if path.suffix == ".gif":
        return wandb.Video(str(path), format="gif")
    return wandb.Image(str(path))
