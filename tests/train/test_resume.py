"""Resumed runs equal uninterrupted ones bit for bit; what does not fit is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from support.helpers import error_line, reseal, seeded
from support.small_run import (
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

from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import TRAINING_STATE, WEIGHTS, checkpoints_in, load_checkpoint
from ca.data.digits import Digits
from ca.system.errors import CheckpointError, FailedError, UsageError
from ca.train.command import train

pytestmark = pytest.mark.usefixtures("quick")


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
        ({"noise_level": 0.0}, "--noise-level 0.0: it has --noise-level 0.02"),
        ({"seed": 1}, "--seed 1: it has --seed 0"),
        ({"recipe": "article"}, "--recipe article: it has --recipe best"),
        ({"rate": 0.01}, "--rate 0.01: it has --rate 0.0015"),
        ({"optimiser": "adam"}, "--optimiser adam: it has --optimiser soap"),
        ({"held_out": 9}, "--held-out 9: it has --held-out 8"),
        ({"dataset": "kmnist"}, "--dataset kmnist: it has --dataset mnist"),
        ({"seed": 1, "noise_level": 0.0}, "--noise-level 0.0 --seed 1: it has --noise-level 0.02 --seed 0"),
    ],
    ids=str,
)
def test_a_run_cannot_be_resumed_with_another_setting(
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
    assert load_checkpoint(checkpoint.parent / "model-steps-30").config.training.steps == 30


@pytest.mark.parametrize("steps", [24, 12])
def test_a_finished_run_cannot_be_resumed(steps: int, stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(24)
    with pytest.raises(
        UsageError, match=r"model-steps-24 has 24 steps already: give --steps a higher number$"
    ):
        resumed(checkpoint, steps=steps)


def test_a_run_may_be_resumed_with_other_folders(stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(7)
    elsewhere = replace(small(checkpoint.parent.parent / "new", resume=checkpoint), data_dir=Path("other"))
    train(elsewhere)
    assert (elsewhere.output_dir / "model-steps-24" / CONFIG).is_file()
    assert [path.name for path in checkpoints_in(checkpoint.parent)] == ["model-steps-7"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda digits: Digits(digits.images.flip(0), digits.labels),
        lambda digits: Digits(digits.images, (digits.labels + 1) % 10),
        lambda digits: digits[:-1],
        lambda digits: Digits(digits.images[:, 2:, 2:].contiguous(), digits.labels),
        lambda digits: Digits(F.pad(digits.images, (2, 2, 2, 2)), digits.labels),
        lambda digits: digits[:8],
    ],
    ids=[
        "other images",
        "other labels",
        "one digit less",
        "smaller images",
        "larger images",
        "only those held out",
    ],
)
def test_a_run_cannot_be_resumed_with_other_data(
    changed: Callable[[Digits], Digits],
    few_digits: Digits,
    stopped_run: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = stopped_run(7)
    train_quickly(monkeypatch, changed(few_digits))
    with pytest.raises(FailedError) as caught:
        resumed(checkpoint)
    count, height, width = changed(few_digits).images.shape
    assert str(caught.value) == (
        f"can't resume {checkpoint}: its training data had another content than those of "
        f"--dataset mnist here ({count} digits of {height}x{width}): "
        "give the folder of the same data with --data-dir"
    )
    assert not (checkpoint.parent / "model-steps-24").exists()


def test_a_checkpoint_that_does_not_state_its_data_is_resumed(
    whole_run: Path, stopped_run: Callable[[int], Path]
) -> None:
    """Older versions of ca did not."""
    checkpoint = stopped_run(7)
    reseal(checkpoint, lambda config: config.pop("data_sha256"))
    assert differing(resumed(checkpoint), contents(whole_run / "model-steps-24")) == set()


@pytest.mark.parametrize("value", ["", "0" * 63, "G" * 64, 5, ["a"]])
def test_a_sha256_of_data_that_is_not_one_is_refused(value: Any, stopped_run: Callable[[int], Path]) -> None:
    checkpoint = stopped_run(7)
    reseal(checkpoint, lambda config: config.update(data_sha256=value))
    with pytest.raises(CheckpointError, match=r"config\.json is not valid: .*data_sha256"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("output", [[], ["--output-dir"]], ids=["", "with --output-dir"])
@pytest.mark.parametrize("damaged", [WEIGHTS, CONFIG, TRAINING_STATE])
def test_a_folder_of_damaged_checkpoints_only_is_one_line(
    damaged: str, output: list[str], stopped_run: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = stopped_run(7)
    (checkpoint / damaged).write_bytes((checkpoint / damaged).read_bytes()[:-9])
    folder = str(checkpoint.parent)
    line = error_line(
        ["train", "--resume", folder, *(each for flag in output for each in (flag, folder))], 1, capsys
    )
    assert line.startswith(
        f"can't resume: all checkpoints in {folder} are damaged; "
        f"the newest: {checkpoint / damaged} is damaged"
    )
    assert "did you mean" not in line
