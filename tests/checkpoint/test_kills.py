"""A process that is killed at any moment leaves complete checkpoints, and a folder to continue in.

`CA_KILLS=500 uv run pytest tests/checkpoint/test_kills.py` kills 500 times instead of 20.
"""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.helpers import MACHINE, exit_code, in_child, random_automaton, seeded

from ca.checkpoint.folder import checkpoints_in, load_checkpoint, load_training_state, save_checkpoint
from ca.settings.training import RunSettings
from ca.system.publish import sweep

KILLS = int(os.environ.get("CA_KILLS", "20"))
AUTOMATA = [random_automaton(seed, dtype=torch.float32) for seed in range(3)]
STATES = [{"pool.grid": torch.randn(400, 300, generator=seeded(seed))} for seed in range(3)]

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork


def save(folder: Path, step: int, seed: int) -> Path:
    return save_checkpoint(
        folder,
        AUTOMATA[seed],
        step=step,
        training=RunSettings(seed=seed),
        machine=MACHINE,
        metrics={},
        training_state=STATES[seed],
    )


def check_all(folder: Path) -> list[tuple[int, int]]:
    """Load every checkpoint of a folder; returns their steps and seeds."""
    found = []
    for path in checkpoints_in(folder):
        checkpoint = load_checkpoint(path)
        seed = checkpoint.config.training.seed
        expected = AUTOMATA[seed].state_dict()
        assert all(
            torch.equal(expected[name], kept) for name, kept in checkpoint.automaton.state_dict().items()
        )
        assert torch.equal(load_training_state(checkpoint, STATES[0])["pool.grid"], STATES[seed]["pool.grid"])
        found.append((checkpoint.step, seed))
    return found


def die_at(moment: int) -> None:
    """End this process at its n-th change of the disk, half-written files included."""
    moments = itertools.count(1)

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(moments) == moment:
                os._exit(9)
            return original(*arguments, **options)

        return call

    def write_bytes(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            for part in (content[: len(content) // 2], content[len(content) // 2 :]):
                if next(moments) == moment:
                    os._exit(9)
                file.write(part)
                file.flush()

    for name in ("fsync", "mkdir", "rename", "replace", "unlink", "rmdir"):
        setattr(os, name, dying(getattr(os, name)))
    setattr(Path, "write_bytes", write_bytes)  # noqa: B010


@pytest.mark.parametrize(("step", "moments"), [(8, 14), (7, 20)], ids=["a new step", "the same step again"])
def test_a_kill_at_every_change_of_the_disk_leaves_the_old_or_the_new(
    step: int, moments: int, tmp_path: Path
) -> None:
    for moment in itertools.count(1):
        folder = tmp_path / str(moment)
        save(folder, 7, seed=0)
        ended = exit_code(in_child(lambda: (die_at(moment), save(folder, step, seed=1))))  # noqa: B023
        found = check_all(folder)
        assert set(found) <= {(7, 0), (step, 1)}
        sweep(folder)
        assert [path.name for path in folder.iterdir()] == [path.name for path in checkpoints_in(folder)]
        kept = check_all(folder)
        assert any(each == 7 for each, _ in kept)
        assert set(found) <= set(kept)
        save(folder, step, seed=2)
        assert (step, 2) in check_all(folder)
        if ended == 0:
            break
        assert ended == 9
    assert moment >= moments


def test_kills_at_random_moments_leave_only_whole_checkpoints(tmp_path: Path) -> None:
    """A process that only saves is killed again and again: all that is there can be read, and it goes on."""
    rng = random.Random(0)
    begin = time.monotonic()
    save(tmp_path / "timed", 0, 0)
    duration = time.monotonic() - begin  # of a save on this machine, as busy as it is
    folder = tmp_path / "killed"
    folder.mkdir()
    saving, begun = os.pipe()
    for kill in range(KILLS):
        before = dict(check_all(folder))
        child = in_child(lambda: save_until_killed(folder, kill, begun))  # noqa: B023
        os.read(saving, 1)
        time.sleep(rng.uniform(0, 5) * duration)
        os.kill(child, signal.SIGKILL)
        assert exit_code(child) == -signal.SIGKILL
        check_all(folder)
        sweep(folder)
        assert before.keys() <= dict(check_all(folder)).keys()
        assert all(path.name.startswith("model-steps-") for path in folder.iterdir())
    os.close(saving)
    os.close(begun)
    assert check_all(folder)


def save_until_killed(folder: Path, kill: int, begun: int) -> None:
    os.write(begun, b".")
    for number in itertools.count():
        save(folder, number % 5, (number + kill) % 3)
