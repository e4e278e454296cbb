"""Training runs of a few small steps: they learn, repeat, stop, go on, and say what is wrong."""

import json
import math
import os
import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from support.helpers import reseal, seeded, told_in_child
from support.small_run import (
    before_each_step,
    contents,
    differing,
    resumed,
    rows_without_speed,
    small,
    train_quickly,
    trained,
    weights,
)
from torch import Tensor

import ca.train.loop
from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import TRAINING_STATE, checkpoints_in, load_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.loss import LOSSES
from ca.settings.training import TrainSettings
from ca.system.errors import CheckpointError, FailedError, UsageError
from ca.system.folders import prepare_folder
from ca.train.command import train
from ca.train.metrics_file import read_metrics
from ca.train.optimisers import optimiser_state
from ca.train.output import TrainingOutput
from ca.train.resume import training_state
from ca.train.run import TrainingRun

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("quick")


# Learning


def grey_squares() -> Digits:
    """Make images of one shade each, whose shade is their class: 60 is 0, 150 is 1, 240 is 2."""
    labels = torch.arange(64) % 3
    return Digits((60 + 90 * labels).to(torch.uint8).view(-1, 1, 1).expand(-1, 8, 8).clone(), labels)


@pytest.mark.parametrize(("recipe", "regime"), [("quick", "mutating"), ("article", "naive")])
@pytest.mark.parametrize("loss", ["l2", "cross-entropy"])
def test_the_loss_falls(
    recipe: str, regime: str, loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_quickly(monkeypatch, grey_squares())
    options = {"recipe": recipe, "regime": regime, "loss": loss, "batch_size": 8, "ticks": (5, 5)}
    train(small(tmp_path, steps=400, checkpoint_every=400, **options))
    losses = [row["loss"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert len(losses) == 40
    assert np.median(losses[-15:]) < 0.75 * losses[0]


@pytest.mark.parametrize(
    ("recipe", "normalised", "rate"),
    [
        ("best", False, 1.5e-3 * 3 / 100 * 22 / 24),
        ("quick", True, 3e-3 * 3 / 100 * 22 / 24),
        ("article", True, 1e-3),
    ],
)
def test_the_optimisers_see_the_gradients_of_the_recipe_at_the_rate_of_the_step(
    recipe: str, normalised: bool, rate: float, tmp_path: Path
) -> None:
    run = TrainingRun.start(small(tmp_path, recipe=recipe), CPU)
    for _ in range(2):  # the last layer is zero before, and all other gradients with it
        ca.train.loop.training_step(run)
    norms, rates = [], []

    def look(optimiser: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
        (group,) = optimiser.param_groups
        norms.extend(parameter.grad.norm().item() for parameter in group["params"])
        rates.append(group["lr"])

    for optimiser in run.optimisers:
        optimiser.register_step_pre_hook(look)
    ca.train.loop.training_step(run)
    assert len(norms) == 6
    assert (norms == pytest.approx([1] * 6, rel=1e-3)) == normalised
    assert rates == pytest.approx([rate] * len(run.optimisers))


def test_a_checkpoint_tells_its_run_and_scores_it_on_held_out_digits(whole_run: Path) -> None:
    config = load_checkpoint(whole_run / "model-steps-14").config
    assert config["step"] == 14
    training = config["training"]
    assert (training["recipe"], training["loss"], training["regime"]) == ("best", "l2", "mutating")
    assert (training["steps"], training["batch_size"], training["seed"]) == (24, 4, 0)
    assert training["optimisation"]["optimiser"] == "soap"
    assert not {"output_dir", "data_dir", "device", "resume"} & training.keys()
    assert config["metrics"].keys() == {
        "loss",
        "held_out_cell_accuracy",
        "held_out_agreement",
        "held_out_digit_accuracy",
    }
    assert all(0 <= config["metrics"][name] <= 1 for name in config["metrics"] if name != "loss")


def test_held_out_digits_are_never_trained_on(tmp_path: Path, few_digits: Digits) -> None:
    run = TrainingRun.start(small(tmp_path, held_out=40), CPU)
    assert torch.equal(run.pool.digits.images, few_digits.images[:24])
    assert torch.equal(run.held_out.images, few_digits.images[24:])
    assert torch.equal(run.held_out.labels, few_digits.labels[24:])
    seen = set()
    for _ in range(30):
        ca.train.loop.training_step(run)
        seen |= {image.numpy().tobytes() for image in (run.pool.grid[:, 0] * 255).round().byte()}
    assert seen <= {image.numpy().tobytes() for image in few_digits.images[:24]}
    assert len(seen) > 12


def test_holding_out_all_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--held-out 64 leaves none of 64 training digits$"):
        train(small(tmp_path, held_out=64))


def test_without_held_out_digits_nothing_is_scored(tmp_path: Path) -> None:
    trained(tmp_path, steps=2, held_out=0)
    assert load_checkpoint(tmp_path / "model-steps-2").config["metrics"].keys() == {"loss"}


# Repeating


def test_the_same_seed_repeats_a_run(whole_run: Path, tmp_path: Path) -> None:
    assert differing(trained(tmp_path / "again"), contents(whole_run / "model-steps-24")) == set()


def test_another_seed_is_another_run(whole_run: Path, tmp_path: Path) -> None:
    changed = differing(trained(tmp_path / "other", seed=1), contents(whole_run / "model-steps-24"))
    assert {
        "perception.weight",
        "hidden.weight",
        "residual.weight",
        "pool.grid",
        "generator.chance",
    } <= changed


def test_saving_and_scoring_do_not_change_a_run(whole_run: Path, tmp_path: Path) -> None:
    """They draw from generators of their own."""
    once = trained(tmp_path / "once", checkpoint_every=100)
    assert checkpoints_in(tmp_path / "once") == [tmp_path / "once" / "model-steps-24"]
    assert differing(once, contents(whole_run / "model-steps-24")) == set()


@pytest.mark.parametrize(
    "option",
    [
        {"loss": "cross-entropy"},
        {"regime": "naive"},
        {"regime": "persistent"},
        {"noise": False},
        {"ticks": (3, 4)},
        {"recipe": "article"},
        {"batch_size": 8},
        {"pool_size": 9},
        {"held_out": 9},
        {"steps": 25},
    ],
    ids=str,
)
def test_every_setting_of_a_run_changes_the_trained_weights(
    option: dict[str, Any], whole_run: Path, tmp_path: Path
) -> None:
    """Each from the first steps on, so that 14 tell."""
    train(small(tmp_path, **{"steps": 24, **option}))
    changed = weights(tmp_path / "model-steps-14")
    assert not torch.equal(changed, weights(whole_run / "model-steps-14"))


def test_the_noise_setting_is_told_to_the_automaton(tmp_path: Path) -> None:
    assert TrainingRun.start(small(tmp_path), CPU).automaton.noise == 0.02
    assert TrainingRun.start(small(tmp_path, noise=False), CPU).automaton.noise == 0


# Going on


@pytest.mark.parametrize("step", [7, 14, 21])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    step: int, whole_run: Path, stopped_run: Callable[[int], Path]
) -> None:
    """Weights, pool, optimisers, generators and metrics."""
    checkpoint = stopped_run(step)
    assert differing(resumed(checkpoint), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(checkpoint.parent) == rows_without_speed(whole_run)


@pytest.mark.parametrize("regime", ["naive", "persistent"])
def test_the_other_regimes_resume_bit_for_bit_too(regime: str, tmp_path: Path) -> None:
    options = {"regime": regime, "loss": "cross-entropy", "recipe": "article", "checkpoint_every": 9}
    whole = trained(tmp_path, **options)
    assert differing(resumed(tmp_path / "model-steps-9", **options), whole) == set()


def edit_state(checkpoint: Path, edit: Callable[[dict[str, Tensor]], Any]) -> None:
    state = load_file(checkpoint / TRAINING_STATE)
    edit(state)
    save_file(state, checkpoint / TRAINING_STATE)
    reseal(checkpoint)


@pytest.mark.parametrize(
    "lost",
    [
        "generator.draws",
        "generator.pool",
        "generator.chance",
        "pool.grid",
        "pool.labels",
        "optimiser.0.0.exp_avg",
        "optimiser.0.1.exp_avg_sq",
        "optimiser.0.2.GG.0",
        "optimiser.0.0.Q.1",
        "optimiser.1.2.exp_avg",
        "optimiser.1.1.exp_avg_sq",
        "optimiser.1.0.step",
    ],
)
def test_a_resumed_run_would_differ_without_any_part_of_its_state(
    lost: str, whole_run: Path, stopped_run: Callable[[int], Path]
) -> None:
    """The negative control of the test above: each part, as it is in a new run, changes the result."""
    checkpoint = stopped_run(7)

    def lose(state: dict[str, Tensor]) -> None:
        if lost.startswith("generator"):
            state[lost] = seeded(0).get_state().expand_as(state[lost]).contiguous()
        else:
            state[lost] = torch.zeros_like(state[lost])

    edit_state(checkpoint, lose)
    resumed(checkpoint)
    assert not torch.equal(
        weights(checkpoint.parent / "model-steps-24"), weights(whole_run / "model-steps-24")
    )


@pytest.mark.parametrize(
    "lost",
    [
        "pool.grid",
        "pool.labels",
        "generator.draws",
        "generator.pool",
        "generator.chance",
        "optimiser.0.1.GG.1",
        "optimiser.0.2.Q.0",
        "optimiser.1.0.step",
        "optimiser.1.0.exp_avg",
        "optimiser.1.0.exp_avg_sq",
    ],
)
def test_a_training_state_that_lacks_a_part_is_refused(lost: str, stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(7)
    edit_state(checkpoint, lambda state: state.pop(lost))
    with pytest.raises(
        CheckpointError, match=rf"^{checkpoint}/training-state.safetensors does not fit: {lost} is absent"
    ):
        resumed(checkpoint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pool.grid", torch.zeros(9, 20, 28, 28)),
        ("pool.labels", torch.zeros(7, dtype=torch.int64)),
        ("generator.draws", torch.zeros(10, dtype=torch.uint8)),
        ("generator.chance", torch.zeros(10, dtype=torch.uint8)),
        ("generator.chance", torch.zeros(5056)),
        ("optimiser.0.0.exp_avg", torch.zeros(80, 80)),
        ("optimiser.1.0.exp_avg", torch.zeros(19)),
        ("optimiser.1.x.exp_avg", torch.zeros(80)),
        ("optimiser.1.exp_avg", torch.zeros(80)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_training_state_that_does_not_fit_is_refused(
    name: str, value: Tensor, stopped_run: Callable[[int], Path]
) -> None:
    checkpoint = stopped_run(7)
    edit_state(checkpoint, lambda state: state.update({name: value}))
    with pytest.raises(
        CheckpointError, match=rf"^{checkpoint}/training-state.safetensors does not fit: {name} is "
    ):
        resumed(checkpoint)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pool.labels", 10, "pool.labels are not classes"),
        ("pool.labels", -1, "pool.labels are not classes"),
        ("pool.grid", torch.nan, "pool.grid has values that are not finite"),
        ("optimiser.0.1.exp_avg", torch.inf, "optimiser.0.1.exp_avg has values that are not finite"),
        ("generator.draws", 255, "Invalid mt19937 state"),
        ("generator.pool", 255, "Invalid mt19937 state"),
        ("generator.chance", 255, "Invalid mt19937 state"),
    ],
)
def test_a_training_state_of_impossible_values_is_refused(
    name: str, value: Any, message: str, stopped_run: Callable[[int], Path]
) -> None:
    checkpoint = stopped_run(7)
    edit_state(checkpoint, lambda state: state[name].view(-1)[:99].fill_(value))
    with pytest.raises(CheckpointError, match=message):
        resumed(checkpoint)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"batch_size": 8}, "--batch-size 8: it has --batch-size 4"),
        ({"pool_size": 9}, "--pool-size 9: it has --pool-size 8"),
        ({"ticks": (3, 4)}, "--ticks 3 4: it has --ticks 2 4"),
        ({"regime": "naive"}, "--regime naive: it has --regime mutating"),
        ({"loss": "cross-entropy"}, "--loss cross-entropy: it has --loss l2"),
        ({"noise": False}, "--no-noise: it has --noise"),
        ({"seed": 1}, "--seed 1: it has --seed 0"),
        ({"recipe": "article"}, "--recipe article: it has --recipe best"),
        ({"held_out": 9}, "--held-out 9: it has --held-out 8"),
        ({"dataset": "kmnist"}, "--dataset kmnist: it has --dataset mnist"),
        ({"seed": 1, "noise": False}, "--no-noise --seed 1: it has --noise --seed 0"),
    ],
    ids=str,
)
def test_a_run_can_not_be_resumed_with_another_setting(
    option: dict[str, Any], message: str, stopped_run: Callable[[int], Path]
) -> None:
    checkpoint = stopped_run(7)
    with pytest.raises(UsageError) as caught:
        resumed(checkpoint, **option)
    assert str(caught.value) == f"can't resume {checkpoint} with {message}"


def test_the_number_of_steps_and_of_checkpoints_may_change_on_resuming(
    stopped_run: Callable[[int], Path],
) -> None:
    checkpoint = stopped_run(7)
    train(small(checkpoint.parent, resume=checkpoint, steps=30, checkpoint_every=10))
    assert [path.name for path in checkpoints_in(checkpoint.parent)] == [
        "model-steps-7",
        "model-steps-10",
        "model-steps-20",
        "model-steps-30",
    ]
    assert load_checkpoint(checkpoint.parent / "model-steps-30").config["training"]["steps"] == 30


@pytest.mark.parametrize("steps", [24, 12])
def test_a_finished_run_can_not_be_resumed(steps: int, stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(24)
    with pytest.raises(
        UsageError, match=r"model-steps-24 has 24 steps already: give --steps a higher number$"
    ):
        resumed(checkpoint, steps=steps)


def test_a_used_output_folder_is_refused_and_left_alone(stopped_run: Callable[[int], Path]) -> None:
    folder = stopped_run(7).parent
    before = (folder / "metrics.jsonl").read_bytes()
    with pytest.raises(FailedError) as caught:
        train(small(folder))
    assert str(caught.value) == (
        f"{folder} holds a run already: continue it with --resume {folder}/model-steps-7, "
        "or choose another --output-dir"
    )
    assert (folder / "metrics.jsonl").read_bytes() == before
    assert [path.name for path in checkpoints_in(folder)] == ["model-steps-7"]


# Metrics


def test_metrics_have_a_row_every_tenth_step_and_at_checkpoints(whole_run: Path) -> None:
    rows = read_metrics(whole_run / "metrics.jsonl")
    assert [row["step"] for row in rows] == [7, 10, 14, 20, 21, 24]
    for row in rows:
        assert math.isfinite(row["loss"])
        assert row["loss"] > 0
        assert ("held_out_cell_accuracy" in row) == (row["step"] in (7, 14, 21, 24))
        assert row["rate"] == pytest.approx(1.5e-3 * row["step"] / 100 * (25 - row["step"]) / 24)
        assert row["steps_per_minute"] > 0


def test_a_row_s_loss_is_the_mean_since_the_last_row(whole_run: Path) -> None:
    run = TrainingRun.start(small(whole_run), CPU)
    losses = [ca.train.loop.training_step(run).item() for _ in range(14)]
    rows = read_metrics(whole_run / "metrics.jsonl")
    assert [row["loss"] for row in rows[:3]] == pytest.approx(
        [np.mean(losses[:7]), np.mean(losses[7:10]), np.mean(losses[10:])], rel=1e-5
    )


def test_the_steps_of_a_resumed_run_s_metrics_strictly_increase(stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(14)
    with (checkpoint.parent / "metrics.jsonl").open("a") as file:
        file.write('{"step": 24, "lo')
    resumed(checkpoint, checkpoint_every=100)
    lines = (checkpoint.parent / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [7, 10, 14, 20, 24]


@pytest.mark.parametrize("torn", ["", "{", '{"step": 10, "loss": 4.', "\x00\x00"])
def test_a_torn_last_line_of_metrics_is_left_out(torn: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 5, "loss": 4.5}\n' + torn)
    assert read_metrics(path) == [{"step": 5, "loss": 4.5}]
    assert read_metrics(tmp_path / "absent") == []


# Numbers that are none


def broken(loss: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda outputs, labels, digits: loss(outputs.sum())


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(lambda total: total * torch.nan, id="a loss that is no number"),
        pytest.param(lambda total: total * 1e30 * 1e30, id="an infinite loss"),
        pytest.param(lambda total: 1 + (total * 0).sqrt(), id="a gradient that is no number"),
    ],
)
def test_what_is_no_number_stops_the_run_before_it_reaches_the_optimiser(
    loss: Callable[[Tensor], Tensor],
    whole_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[TrainingRun] = []
    original = ca.train.loop.training_step

    def step(run: TrainingRun) -> Tensor:
        if run.step == 14:
            runs.append(run)
            monkeypatch.setitem(LOSSES, "l2", broken(loss))
        return original(run)

    monkeypatch.setattr("ca.train.loop.training_step", step)
    with pytest.raises(FailedError, match=r"^loss .* and largest gradient .* at step 15: training stops"):
        train(small(tmp_path))
    assert [path.name for path in checkpoints_in(tmp_path)] == ["model-steps-7", "model-steps-14"]
    (run,) = runs
    kept = {**run.automaton.state_dict(), **optimiser_state(run.optimisers)}
    saved = contents(whole_run / "model-steps-14")
    assert differing(kept, {name: saved[name] for name in kept}) == set()
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [7, 10, 14]


# The output folder


@pytest.mark.parametrize("place", ["file", "file/run", "file/deep/run"])
def test_an_output_folder_that_can_not_be_written_is_refused_before_training(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))
    with pytest.raises(FailedError, match=r"^can't write into .*; choose another --output-dir$"):
        train(small(tmp_path / place))


def test_a_prepared_folder_is_there_with_its_parents_and_empty(tmp_path: Path) -> None:
    for _ in range(2):
        assert prepare_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []


# Disks that are full, and folders that go away


def limit_files(size: int) -> None:
    """Let files of this process grow no further, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_for_a_while_costs_one_checkpoint(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that could not be written then are written later."""
    limits = {9: 100, 16: resource.RLIM_INFINITY}
    before_each_step(monkeypatch, lambda step: limit_files(limits[step]) if step in limits else None)
    code, told = told_in_child(lambda: train(small(tmp_path)))
    assert code == 0
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        "model-steps-7",
        "model-steps-21",
        "model-steps-24",
    ]
    assert differing(contents(tmp_path / "model-steps-24"), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(tmp_path) == rows_without_speed(whole_run)
    assert f"ca: can't write into {tmp_path}: File too large; training goes on\n" in told
    assert told.count("ca: can't write checkpoint") == 1


def test_a_run_whose_last_checkpoint_could_not_be_saved_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_each_step(monkeypatch, lambda step: limit_files(100) if step == 9 else None)
    flags = "--steps 24 --batch-size 4 --pool-size 8 --ticks 2 4 --held-out 8 --checkpoint-every 7"
    arguments = ["train", *flags.split(), "--device", "cpu", "--output-dir", str(tmp_path)]
    code, told = told_in_child(lambda: main(arguments))
    assert code == 1
    assert [path.name for path in checkpoints_in(tmp_path)] == ["model-steps-7"]
    assert load_checkpoint(tmp_path / "model-steps-7").step == 7
    assert not list(tmp_path.glob(".*tmp*"))
    assert told.splitlines()[-1].startswith(f"ca: can't write checkpoint {tmp_path / 'model-steps-24'}: ")
    assert "Traceback" not in told


def test_a_run_outlives_the_removal_of_its_folder(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    before_each_step(monkeypatch, lambda step: shutil.rmtree(folder) if step == 9 else None)
    train(small(folder))
    assert [path.name for path in checkpoints_in(folder)] == [
        "model-steps-14",
        "model-steps-21",
        "model-steps-24",
    ]
    assert differing(contents(folder / "model-steps-24"), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(folder) == rows_without_speed(whole_run)


def test_a_folder_that_becomes_a_file_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace_folder(step: int) -> None:
        if step == 9:
            shutil.rmtree(tmp_path / "run")
            (tmp_path / "run").write_text("")

    before_each_step(monkeypatch, replace_folder)
    with pytest.raises(FailedError, match=r"^can't write checkpoint .*run/model-steps-24: "):
        train(small(tmp_path / "run"))


# What a run leaves


def png_pixels(path: Path) -> np.ndarray:
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_run_leaves_its_figures(
    tmp_path: Path,
    few_digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("ca.train.run.load_digits", lambda dataset, split, data_dir: few_digits)
    monkeypatch.setattr("ca.train.output.SCORED_TICKS", 3)
    train(small(tmp_path, steps=12, checkpoint_every=6))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        "batches",
        "loss-history.png",
        "metrics.jsonl",
        "model-steps-12",
        "model-steps-6",
    ]
    assert sorted(path.name for path in (tmp_path / "batches").iterdir()) == [
        "step-000006.png",
        "step-000012.png",
    ]
    for path in (tmp_path / "loss-history.png", tmp_path / "batches" / "step-000012.png"):
        pixels = png_pixels(path)
        height, width, _ = pixels.shape
        assert 100 <= height <= 2_000
        assert 500 <= width <= 4_000
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20, "something is drawn"
    first, last = (png_pixels(tmp_path / "batches" / f"step-0000{step}.png") for step in ("06", "12"))
    assert not np.array_equal(first, last)
    told = capsys.readouterr().err
    assert "step 6: loss " in told
    assert f"wrote {tmp_path / 'model-steps-12'}" in told
    assert f"see it at work: ca evaluate {tmp_path / 'model-steps-12'}\n" in told


def test_drawing_and_scoring_after_every_step_do_not_change_a_run(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("ca.train.output.draw_batch", lambda *grids, step, **options: drawn.append(step))
    run = TrainingRun.start(small(tmp_path), CPU)
    with TrainingOutput(tmp_path, run) as output:
        for _ in range(7):
            output.draw()
            output.score()
            ca.train.loop.training_step(run)
    assert drawn == list(range(7))
    assert (
        differing(
            {**run.automaton.state_dict(), **training_state(run)}, contents(whole_run / "model-steps-7")
        )
        == set()
    )


def test_settings_that_say_only_where_do_not_hinder_resuming(stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(7)
    elsewhere = replace(small(checkpoint.parent.parent / "new", resume=checkpoint), data_dir=Path("other"))
    train(elsewhere)
    assert (elsewhere.output_dir / "model-steps-24" / CONFIG).is_file()
    assert [path.name for path in checkpoints_in(checkpoint.parent)] == ["model-steps-7"]


def test_resuming_into_the_folder_of_another_run_is_refused(
    whole_run: Path, stopped_run: Callable[[int], Path]
) -> None:
    checkpoint = stopped_run(7)
    rows = (whole_run / "metrics.jsonl").read_text()
    with pytest.raises(FailedError, match="holds a run already"):
        train(small(whole_run, resume=checkpoint))
    assert (whole_run / "metrics.jsonl").read_text() == rows


def test_a_run_that_died_before_its_first_checkpoint_may_be_started_anew(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"st')
    train(small(tmp_path, steps=4))
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [4]


def test_the_line_that_says_how_to_go_on_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before_each_step(monkeypatch, lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 2 else None)
    with pytest.raises(SystemExit):
        train(small(tmp_path / "my run", data_dir=Path("my data")))
    checkpoint = tmp_path / "my run" / "model-steps-2"
    command = f"ca train --resume '{checkpoint}' --data-dir 'my data' --device cpu"
    assert f"go on with: {command}\n" in capsys.readouterr().err


def test_ticks_grow_from_their_first_bounds_to_their_last() -> None:
    settings = TrainSettings(steps=100, ticks=(2, 4, 20, 30), batch_size=4, pool_size=4, held_out=0)
    run = TrainingRun.start(settings, torch.device("cpu"))
    drawn: dict[int, set[int]] = {}
    for run.step in (1, 50, 100):
        drawn[run.step] = {run.draw_ticks() for _ in range(400)}
    assert drawn == {1: {2, 3, 4}, 50: set(range(11, 18)), 100: set(range(20, 31))}
    run.settings = replace(settings, ticks=(5, 7))
    assert {run.draw_ticks() for _ in range(100)} == {5, 6, 7}
