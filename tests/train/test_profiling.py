"""`ca train --profile`: a trace of real steps, that changes nothing."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from support.small_run import small, trained
from torch import Tensor

import ca.train.profiling
from ca.checkpoint.folder import checkpoints_in
from ca.system.errors import UsageError
from ca.train.command import train
from ca.train.profiling import STEPS, WARM_UP
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")


def test_a_trace_has_the_steps_and_their_parts(tmp_path: Path) -> None:
    train(small(tmp_path, steps=30, checkpoint_every=30, profile=True))
    events = json.loads((tmp_path / "profile.json").read_text())["traceEvents"]
    names = [event["name"] for event in events if event.get("ph") == "X"]
    for part in ("training_step", "rollout", "learn", "write_back"):
        assert sum(name.endswith(f": {part}") for name in names) == STEPS, part
    assert names.count("_Rollout") == STEPS
    assert (tmp_path / "model-steps-30").is_dir()


def test_a_profiled_run_is_the_same_run(tmp_path: Path) -> None:
    plain, profiled = (
        trained(tmp_path / str(profile), steps=30, checkpoint_every=30, profile=profile)
        for profile in (False, True)
    )
    assert plain.keys() == profiled.keys()
    assert all(torch.equal(plain[name], profiled[name]) for name in plain)


def test_a_stop_signal_while_profiling_lets_the_run_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ca.train.profiling.training_step

    def step(run: TrainingRun) -> Tensor:
        if run.step == 10:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(run)

    monkeypatch.setattr(ca.train.profiling, "training_step", step)
    with pytest.raises(SystemExit) as caught:
        train(small(tmp_path, steps=60, profile=True))
    assert caught.value.code == 128 + signal.SIGTERM
    assert [path.name for path in checkpoints_in(tmp_path)] == [f"model-steps-{WARM_UP + STEPS + 1}"]
    assert (tmp_path / "profile.json").is_file()


def test_a_run_without_steps_to_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--profile takes 25 steps"):
        train(small(tmp_path, steps=WARM_UP + STEPS, profile=True))
