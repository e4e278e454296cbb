"""Training on distorted and written digits, with many fire rates, and from the weights of a checkpoint."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.helpers import error_line, random_automaton, reseal, saved_automaton
from support.small_run import CPU, contents, differing, resumed, small, trained, weights

import ca.train.loop
from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import load_checkpoint, newest_checkpoint
from ca.engine.graph import RandomDraws
from ca.engine.rollout import random_draws
from ca.settings.training import TrainSettings
from ca.system.errors import CheckpointError, UsageError
from ca.train.run import TrainingRun

pytestmark = pytest.mark.usefixtures("quick")
DRAWN: dict[str, Any] = {"recipe": "drawn", "steps": 10, "checkpoint_every": 4}


@pytest.fixture(scope="module")
def drawn_run(tmp_path_factory: pytest.TempPathFactory, few_digits: Any) -> Path:
    """Train ten steps by the recipe drawn; tests do not change the folder."""
    from support.small_run import train_quickly

    folder = tmp_path_factory.mktemp("drawn") / "run"
    with pytest.MonkeyPatch.context() as patches:
        train_quickly(patches, few_digits)
        trained(folder, **DRAWN)
    return folder


def test_a_run_on_distorted_and_written_digits_resumes_bit_for_bit(drawn_run: Path, tmp_path: Path) -> None:
    trained(tmp_path / "part", **{**DRAWN, "steps": 10, "checkpoint_every": 4})
    whole = contents(drawn_run / "model-steps-10")
    assert whole["pool.grid"].shape == (8, 20, 64, 64)
    assert differing(resumed(tmp_path / "part" / "model-steps-4", **DRAWN), whole) == set()


def test_such_a_run_is_found_and_also_scored_on_such_digits(drawn_run: Path) -> None:
    checkpoint = newest_checkpoint(drawn_run)
    assert checkpoint is not None
    assert checkpoint.step == 10
    names = ("cell_accuracy", "agreement", "digit_accuracy")
    expected = {"loss", *(f"{kind}_{name}" for kind in ("held_out", "varied") for name in names)}
    assert checkpoint.config.metrics.keys() == expected
    assert all(0 <= checkpoint.config.metrics[name] <= 1 for name in expected - {"loss"})
    training = checkpoint.config.training
    assert (training.augment, training.written_share, training.fire_rate) == (True, 0.25, (0.25, 1.0))


def test_the_pool_of_an_augmented_run_holds_other_digits_than_the_data_set(tmp_path: Path) -> None:
    plain, augmented = (TrainingRun.start(small(tmp_path, augment=on), CPU).pool for on in (False, True))
    assert torch.equal(plain.labels, augmented.labels), "the same digits"
    centre = augmented.grid[:, 0, 18:46, 18:46]
    assert (plain.grid[:, 0] != centre).flatten(1).any(1).float().mean() > 0.4  # some are left as they are
    before = augmented.grid[:, 0].clone()
    batch = augmented.draw(4)
    fresh = batch.indices[[0, 3]]
    assert (augmented.grid[fresh, 0] != before[fresh]).flatten(1).any(1).all()


@pytest.mark.parametrize("setting", [{"augment": True}, {"written_share": 0.5}, {"fire_rate": (0.25, 1.0)}])
def test_each_setting_changes_the_run(setting: dict[str, Any], tmp_path: Path) -> None:
    trained(tmp_path / "plain", steps=3)
    trained(tmp_path / "other", steps=3, **setting)
    plain, other = (weights(tmp_path / name / "model-steps-3") for name in ("plain", "other"))
    assert not torch.equal(plain, other)


def fire_rates(settings: TrainSettings, steps: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The share of cells that fired in each step."""
    shares = []

    def recorded(*arguments: Any) -> RandomDraws:
        draws = random_draws(*arguments)
        shares.append(draws.fires.double().mean().item())
        return draws

    monkeypatch.setattr("ca.train.step.random_draws", recorded)
    run = TrainingRun.start(settings, CPU)
    for _ in range(steps):
        ca.train.loop.training_step(run)
    assert run.automaton.fire_rate == 0.5
    return shares


@pytest.mark.parametrize(
    ("rates", "least", "most"), [((), 0.5, 0.5), ((0.75,), 0.75, 0.75), ((0.25, 1.0), 0.25, 1.0)]
)
def test_cells_fire_at_rates_between_those_that_are_asked_for(
    rates: tuple[float, ...], least: float, most: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = fire_rates(small(tmp_path, fire_rate=rates), 30, monkeypatch)
    assert least - 0.06 < min(shares) < least + 0.1
    assert most - 0.1 < max(shares) < most + 0.06


def test_a_run_starts_from_the_weights_of_a_checkpoint(tmp_path: Path) -> None:
    automaton = random_automaton(fire_rate=0.5, noise=0.5, dtype=torch.float32)
    start = saved_automaton(tmp_path / "start", automaton)
    run = TrainingRun.start(small(tmp_path, start_from=str(start)), CPU)
    assert run.step == 0
    assert run.automaton.noise == 0.02, "that of the settings"
    for name, tensor in run.automaton.state_dict().items():
        assert torch.equal(tensor, automaton.state_dict()[name])
    options = {"start_from": str(start), "steps": 6, "checkpoint_every": 3}
    whole = trained(tmp_path / "run", **options)
    assert json.loads((tmp_path / "run" / "model-steps-6" / CONFIG).read_text())["training"][
        "start_from"
    ] == str(start)
    (start / CONFIG).unlink()  # a resumed run does not need it
    again = resumed(tmp_path / "run" / "model-steps-3", **options)
    assert differing(again, whole) == set()


def test_a_checkpoint_to_start_from_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "train",
        "--held-out=8",
        f"--start-from={tmp_path / 'none'}",
        f"--output-dir={tmp_path / 'run'}",
    ]
    line = error_line(arguments, 1, capsys)
    assert line.startswith(f"there is no checkpoint {tmp_path / 'none'}")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("augment", False, "--no-augment: it has --augment"),
        ("written_share", 0.75, "--written-share 0.75: it has --written-share 0.25"),
        ("fire_rate", (0.5,), "--fire-rate 0.5: it has --fire-rate 0.25 1.0"),
        ("fire_rate", (), "no --fire-rate: it has --fire-rate 0.25 1.0"),
        ("start_from", "x", "--start-from x: it has no --start-from"),
    ],
)
def test_a_run_is_resumed_with_its_own_settings_only(
    name: str, value: object, told: str, drawn_run: Path
) -> None:
    checkpoint = drawn_run / "model-steps-4"
    with pytest.raises(UsageError) as caught:
        resumed(checkpoint, **{**DRAWN, name: value})
    assert str(caught.value) == f"can't resume {checkpoint} with {told}"


def test_a_checkpoint_of_an_older_version_trains_on_the_data_set_as_it_is(tmp_path: Path) -> None:
    path = saved_automaton(tmp_path, random_automaton(dtype=torch.float32))
    new = ("augment", "written_share", "fire_rate", "start_from")
    reseal(path, lambda config: [config["training"].pop(name) for name in new])
    training = load_checkpoint(path).config.training
    assert (training.augment, training.written_share, training.fire_rate) == (False, 0.0, ())


@pytest.mark.parametrize(
    ("name", "value"), [("augment", 1), ("written_share", 2.0), ("fire_rate", [2.0]), ("start_from", 5)]
)
def test_settings_of_a_checkpoint_that_are_none_are_refused(name: str, value: object, tmp_path: Path) -> None:
    path = saved_automaton(tmp_path, random_automaton(dtype=torch.float32))
    reseal(path, lambda config: config["training"].update({name: value}))
    with pytest.raises(CheckpointError, match=rf"is not valid: .*{name.replace('_', '.')}"):
        load_checkpoint(path)
