"""Checkpoints: what is written is read, what is not one is refused in one line, and a crash loses nothing."""

import ast
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.helpers import MACHINE, endless_file, random_automaton, reseal, saved_automaton, seeded
from torch import Tensor

import ca
import ca.checkpoint.files
from ca.checkpoint.config import CONFIG
from ca.checkpoint.files import MAX_HEADER_BYTES
from ca.checkpoint.folder import (
    BUNDLED,
    BUNDLED_DRAWN,
    TRAINING_STATE,
    WEIGHTS,
    bundled_checkpoint,
    checkpoints_in,
    load_checkpoint,
    load_training_state,
    newest_checkpoint,
    save_checkpoint,
)
from ca.model import CellularAutomaton
from ca.settings.recipes import RECIPES
from ca.settings.training import RunSettings, TrainSettings
from ca.system.errors import CheckpointError, FailedError

STATE = {"pool.grid": torch.empty(3, 4)}


def make_automaton(seed: int = 0) -> CellularAutomaton:
    return random_automaton(seed, fire_rate=0.25, noise=0.5, dtype=torch.float32)


def write(folder: Path, step: int = 30, seed: int = 0) -> Path:
    return save_checkpoint(
        folder,
        make_automaton(seed),
        step=step,
        training=TrainSettings(dataset="kmnist", seed=seed, data_dir=Path("elsewhere")),
        machine=MACHINE,
        metrics={"loss": 1.5},
        training_state={"pool.grid": torch.randn(3, 4, generator=seeded(seed))},
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Write a checkpoint of step 30."""
    return write(tmp_path / "run")


def message_of_loading(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same_bits(first: Tensor, second: Tensor) -> bool:
    return torch.equal(first.view(torch.int32), second.view(torch.int32))


# What is written is read


def test_a_checkpoint_holds_the_weights_bit_for_bit(tmp_path: Path) -> None:
    automaton = make_automaton()
    with torch.no_grad():  # values that any detour through text or another type would change
        automaton.hidden.bias[:4] = torch.tensor([-0.0, 1e-45, 1 / 3, -3.4e38])
    path = saved_automaton(tmp_path, automaton)
    loaded = load_checkpoint(path).automaton.state_dict()
    saved = automaton.state_dict()
    assert loaded.keys() == saved.keys()
    assert all(same_bits(loaded[name], saved[name]) for name in saved)


def test_a_checkpoint_holds_what_the_automaton_and_its_run_are(checkpoint: Path) -> None:
    assert checkpoint.name == "model-steps-30"
    assert sorted(file.name for file in checkpoint.iterdir()) == [CONFIG, WEIGHTS, TRAINING_STATE]
    loaded = load_checkpoint(checkpoint)
    assert loaded.path == checkpoint
    assert (loaded.step, loaded.dataset) == (30, "kmnist")
    assert (loaded.automaton.fire_rate, loaded.automaton.noise) == (0.25, 0.5)
    assert loaded.config.training == RunSettings(dataset="kmnist")
    assert loaded.config.machine == MACHINE
    assert loaded.config.metrics == {"loss": 1.5}
    assert json.loads((checkpoint / CONFIG).read_text()) == {
        "format": 3,
        "version": ca.__version__,
        "step": 30,
        "architecture": {
            "communication_channels": 9,
            "classes": 10,
            "hidden": [80, 80],
            "alive_threshold": 0.1,
            "fire_rate": 0.25,
            "noise": 0.5,
            "parameters": 22_499,
        },
        "training": {
            "recipe": "best",
            "steps": 100_000,
            "batch_size": 16,
            "pool_size": 160,
            "ticks": [10, 20, 30, 50],
            "regime": "mutating",
            "loss": "l2",
            "communication_channels": 9,
            "hidden": [80, 80],
            "alive_threshold": 0.1,
            "noise_level": 0.02,
            "fire_rate": [],
            "augment": False,
            "written_share": 0.0,
            "optimiser": "soap",
            "rate": 1.5e-3,
            "warm_up": 100,
            "normalise": False,
            "start_from": None,
            "seed": 0,
            "dataset": "kmnist",
            "invert": False,
            "held_out": None,
            "checkpoint_every": 10_000,
            "score_every": None,
            "keep": None,
            "optimisation": json.loads(json.dumps(asdict(RECIPES["best"]))),
        },
        "machine": asdict(MACHINE),
        "metrics": {"loss": 1.5},
        "classes": list("0123456789"),
        "sha256": loaded.config.sha256,
    }
    for name in (WEIGHTS, TRAINING_STATE):
        assert loaded.config.sha256[name] == hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
    state = load_training_state(loaded, STATE)
    assert state.keys() == {"pool.grid"}
    assert torch.equal(state["pool.grid"], torch.randn(3, 4, generator=seeded(0)))


def test_the_weights_can_be_trained_further(checkpoint: Path) -> None:
    assert all(parameter.requires_grad for parameter in load_checkpoint(checkpoint).automaton.parameters())


def test_a_checkpoint_is_found_by_its_weights_file_and_through_a_link(
    checkpoint: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkpoint, target_is_directory=True)
    expected = make_automaton().state_dict()
    for path in (checkpoint / WEIGHTS, link, link / WEIGHTS, Path(f"{checkpoint}/")):
        loaded = load_checkpoint(path).automaton.state_dict()
        assert all(torch.equal(loaded[name], expected[name]) for name in expected)


@pytest.mark.parametrize("folder", sorted(bundled_checkpoint().parent.iterdir()), ids=lambda path: path.name)
def test_every_automaton_of_the_repository_can_be_loaded(folder: Path) -> None:
    """And is one that was trained to the end, of the article's size but for two."""
    checkpoint = load_checkpoint(folder)
    size, least_steps = {"small": (5_893, 100_000), "large": (83_942, 45_000)}.get(
        folder.name, (22_499, 100_000)
    )
    assert checkpoint.step == checkpoint.config.training.steps >= least_steps
    assert sum(parameter.numel() for parameter in checkpoint.automaton.parameters()) == size
    assert all(parameter.any() for parameter in checkpoint.automaton.parameters())


def test_the_bundled_checkpoint_is_the_default(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bundled_checkpoint().parts[-2:] == ("checkpoints", BUNDLED)
    assert load_checkpoint(None).path == bundled_checkpoint()
    assert load_checkpoint(None, bundled=BUNDLED_DRAWN).path.parts[-2:] == ("checkpoints", BUNDLED_DRAWN)
    monkeypatch.setattr("ca.checkpoint.folder.bundled_checkpoint", lambda name: checkpoint)
    assert load_checkpoint(None).path == checkpoint


# What is not a checkpoint


def test_a_missing_checkpoint_names_those_of_like_name(tmp_path: Path) -> None:
    for step in (100, 200, 300, 5_000):
        write(tmp_path, step)
    message = message_of_loading(tmp_path / "model-steps-30")
    assert f"there is no checkpoint {tmp_path / 'model-steps-30'}; did you mean" in message
    assert str(tmp_path / "model-steps-300") in message


def test_a_missing_checkpoint_of_no_like_name_names_the_last_ones(tmp_path: Path) -> None:
    for step in (1, 20, 300, 4_000):
        write(tmp_path, step)
    message = message_of_loading(tmp_path / "best")
    assert "did you mean" in message
    assert [f"model-steps-{step}" in message for step in (20, 300, 4_000)] == [True] * 3
    assert f"{tmp_path / 'model-steps-1'} " not in message


def test_a_missing_checkpoint_among_none_says_where_they_come_from(tmp_path: Path) -> None:
    for path in (tmp_path / "nope", tmp_path / "no-such-folder" / "nope"):
        assert message_of_loading(path) == f"there is no checkpoint {path}: ca train makes them"


def test_a_name_too_long_for_a_file_is_one_line() -> None:
    assert message_of_loading(Path("x" * 300)).startswith("can't read checkpoint xxx")


@pytest.mark.parametrize("content", [b"hello\n", b"PK\x03\x04", b"\x80\x02}q\x00.", b""])
def test_a_file_of_another_kind_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    expected = f"{path} is not a checkpoint: expected a folder with model.safetensors and config.json"
    assert message_of_loading(path) == expected


def test_the_folder_of_a_run_is_no_checkpoint_but_names_its_last(tmp_path: Path) -> None:
    for step in (9, 100):
        write(tmp_path, step)
    message = message_of_loading(tmp_path)
    assert message == (
        f"{tmp_path} is not a checkpoint: it has no model.safetensors; "
        f"did you mean {tmp_path / 'model-steps-100'}?"
    )


def test_a_folder_of_runs_names_the_last_checkpoint_of_each(tmp_path: Path) -> None:
    """And checkpoints of other names in it, such as those of this repository."""
    write(tmp_path / "a", 9)
    newest = write(tmp_path / "a", 10)
    renamed = write(tmp_path / "b", 5).rename(tmp_path / "my-digits")
    (tmp_path / "notes.txt").write_text("")
    assert message_of_loading(tmp_path) == (
        f"{tmp_path} is not a checkpoint: it has no model.safetensors; did you mean {newest} or {renamed}?"
    )


def test_an_empty_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert message_of_loading(tmp_path) == f"{tmp_path} is not a checkpoint: it has no model.safetensors"


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_folder_without_one_of_the_files_names_it(name: str, checkpoint: Path) -> None:
    (checkpoint / name).unlink()
    assert message_of_loading(checkpoint) == f"{checkpoint} is not a checkpoint: it has no {name}"
    (checkpoint / name).mkdir()
    assert message_of_loading(checkpoint) == f"{checkpoint} is not a checkpoint: it has no {name}"


# Damaged files


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, TRAINING_STATE])
def test_a_file_of_which_one_bit_has_changed_is_refused(name: str, checkpoint: Path) -> None:
    whole = (checkpoint / name).read_bytes()
    places = range(0, len(whole), len(whole) // 60) if name == WEIGHTS else range(len(whole))
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        if name == CONFIG and same_json(damaged, whole):
            continue  # white space for white space
        (checkpoint / name).write_bytes(damaged)
        with pytest.raises(CheckpointError) as caught:
            load_training_state(load_checkpoint(checkpoint), STATE)
        assert "\n" not in str(caught.value)


def same_json(first: bytes | bytearray, second: bytes) -> bool:
    try:
        return json.loads(first) == json.loads(second)
    except ValueError:
        return False


CUTS = [0, 1, 7, 8, 9, 100, *(n / 16 for n in range(1, 16)), -1]


@pytest.mark.parametrize("sealed_anew", [False, True])
@pytest.mark.parametrize("name", [WEIGHTS, TRAINING_STATE])
def test_a_cut_file_is_refused(name: str, sealed_anew: bool, checkpoint: Path) -> None:
    """By its SHA-256, and also if someone made that fit."""
    whole = (checkpoint / name).read_bytes()
    for cut in CUTS:
        (checkpoint / name).write_bytes(whole[: round(cut * len(whole)) if 0 < cut < 1 else int(cut)])
        if sealed_anew:
            reseal(checkpoint)
        with pytest.raises(CheckpointError, match=f"{name} is damaged"):
            load_training_state(load_checkpoint(checkpoint), STATE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(lambda whole: whole + b"\0", "is damaged or of another kind", id="a byte long"),
        pytest.param(lambda whole: b"PK\x03\x04" + whole, "is damaged or of another kind", id="an archive"),
        pytest.param(
            lambda whole: (2**62).to_bytes(8, "little") + whole[8:], "is damaged", id="a giant header"
        ),
        pytest.param(lambda whole: whole + bytes(2**21), "is larger than 1089996 bytes", id="too long"),
    ],
)
def test_weights_of_another_kind_are_refused(
    content: Callable[[bytes], bytes], message: str, checkpoint: Path
) -> None:
    (checkpoint / WEIGHTS).write_bytes(content((checkpoint / WEIGHTS).read_bytes()))
    reseal(checkpoint)
    assert message in message_of_loading(checkpoint)


def tensors_file(entries: dict[str, Any], data: bytes) -> bytes:
    """Write a file of tensors by hand."""
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize(
    "shape", [[2**40], [2**31, 2**31], [10**30], [0, 2**62], [-1], [80, -80], ["80"], [2**64 - 1, 0]], ids=str
)
def test_a_tensor_that_claims_to_be_huge_or_odd_is_refused_at_once(
    shape: list[Any], checkpoint: Path
) -> None:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}
    for data in (bytes(4), b""):
        entry["data_offsets"] = [0, len(data)]
        (checkpoint / WEIGHTS).write_bytes(tensors_file({"hidden.bias": entry}, data))
        reseal(checkpoint)
        message_of_loading(checkpoint)


Weights = dict[str, Tensor]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda weights: weights.update({"hidden.weight": torch.zeros(40, 80)}),
            r"does not fit: hidden\.weight is F32 \(40, 80\), expected F32 \(80, 80\)",
            id="another shape",
        ),
        pytest.param(
            lambda weights: weights.pop("residual.bias"),
            r"does not fit: residual\.bias is absent, expected F32 \(19,\)",
            id="one is missing",
        ),
        pytest.param(
            lambda weights: weights.update({"zoom.weight": torch.zeros(2)}),
            r"does not fit: zoom\.weight is F32 \(2,\), expected absent",
            id="one too many",
        ),
        pytest.param(
            lambda weights: weights.update({"hidden.bias": weights["hidden.bias"].double()}),
            r"does not fit: hidden\.bias is F64 \(80,\), expected F32 \(80,\)",
            id="double precision",
        ),
        pytest.param(
            lambda weights: weights.update({"hidden.bias": weights["hidden.bias"].long()}),
            r"does not fit: hidden\.bias is I64 \(80,\), expected F32 \(80,\)",
            id="integers",
        ),
        pytest.param(
            lambda weights: weights.update({"hidden.bias": weights["hidden.bias"].to(torch.complex64)}),
            r"does not fit: hidden\.bias is C64 \(80,\), expected F32 \(80,\)",
            id="complex numbers",
        ),
        pytest.param(
            lambda weights: weights.update(
                {"a\nb\x1b[2J": torch.zeros(1), "perception.weight": torch.zeros(80, 500)}
            ),
            r"does not fit: a\\nb\\x1b\[2J is F32 \(1,\), expected absent; "
            r"perception\.weight is F32 \(80, 500\), expected F32 \(80, 180\)$",
            id="all differences",
        ),
        pytest.param(
            lambda weights: weights["perception.bias"][3:4].fill_(torch.nan),
            r"is damaged or of another kind: perception\.bias has values that are not finite",
            id="NaN",
        ),
        pytest.param(
            lambda weights: weights["residual.weight"][18, 79:].fill_(-torch.inf),
            r"is damaged or of another kind: residual\.weight has values that are not finite",
            id="infinity",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    change: Callable[[Weights], Any], message: str, checkpoint: Path
) -> None:
    weights = load_file(checkpoint / WEIGHTS)
    change(weights)
    save_file(weights, checkpoint / WEIGHTS)
    reseal(checkpoint)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(checkpoint)


# Damaged configs


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"step": 30', b"\xff\xfe", b"step: 30", b"[" * 100_000],
    ids=["empty", "open", "cut", "not text", "yaml", "deep"],
)
def test_a_config_that_is_not_json_is_refused(content: bytes, checkpoint: Path) -> None:
    (checkpoint / CONFIG).write_bytes(content)
    assert message_of_loading(checkpoint) == f"{checkpoint / CONFIG} is damaged: it is not JSON"


def test_a_huge_config_is_refused_unread(checkpoint: Path) -> None:
    (checkpoint / CONFIG).write_text(" " * MAX_HEADER_BYTES + "{}")
    assert f"{checkpoint / CONFIG} is not a checkpoint's: it is larger than" in message_of_loading(checkpoint)


def wrong(where: str, value: Any, message: str) -> Any:
    """Make the case of a wrong value at a dotted place of the config; ... removes it."""
    return pytest.param(where, value, message, id=f"{where}={str(value)[:20]}")


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        wrong("", [1, 2], "is not valid: Expected `object`, got `array`"),
        wrong("", "text", "is not valid: Expected `object`, got `str`"),
        wrong("", None, "is not valid: Expected `object`, got `null`"),
        wrong("step", ..., "is not valid: Object missing required field `step`"),
        wrong("step", "30", "is not valid: Expected `int`, got `str` - at `$.step`"),
        wrong("step", 30.5, "is not valid: Expected `int`, got `float` - at `$.step`"),
        wrong("step", 30.0, "is not valid: Expected `int`, got `float` - at `$.step`"),
        wrong("step", None, "is not valid: Expected `int`, got `null` - at `$.step`"),
        wrong("step", -30, "is not valid: Expected `int` >= 0 - at `$.step`"),
        wrong("step", True, "is not valid: Expected `int`, got `bool` - at `$.step`"),
        wrong(
            "format",
            4,
            "has format 4 of ca '0.1.0', this ca 0.1.0 reads 2 and 3: use the version of ca that wrote it",
        ),
        wrong("step", 10**30, "is not valid: Expected `int` <= 9223372036854775807 - at `$.step`"),
        wrong("machine", ..., "is not valid: Object missing required field `machine`"),
        wrong("machine.processes", 0, "is not valid: Expected `int` >= 1 - at `$.machine.processes`"),
        wrong("machine.threads", "1", "is not valid: Expected `int`, got `str` - at `$.machine.threads`"),
        wrong("metrics", [], "is not valid: Expected `object`, got `array` - at `$.metrics`"),
        wrong("metrics.loss", "0.9", "is not valid: Expected `float`, got `str` - at `$.metrics[...]`"),
        wrong("metrics.loss", None, "is not valid: Expected `float`, got `null` - at `$.metrics[...]`"),
        wrong("metrics.loss", True, "is not valid: Expected `float`, got `bool` - at `$.metrics[...]`"),
        wrong("metrics.loss", [0.9], "is not valid: Expected `float`, got `array` - at `$.metrics[...]`"),
        wrong("metrics.loss", 10**400, "is not valid: Number out of range - at `$.metrics[...]`"),
        wrong("metrics.loss", float("nan"), "is damaged: its SHA-256 is not the one that it states"),
        wrong("sha256", ..., "is not valid: Object missing required field `sha256`"),
        wrong("sha256", {}, "is damaged: its SHA-256 is not the one that it states"),
        wrong("step", 31, "is damaged: its SHA-256 is not the one that it states"),
        wrong("training", ..., "is not valid: Object missing required field `training`"),
        wrong("training", [1], "is not valid: Expected `object`, got `array` - at `$.training`"),
        wrong(
            "training.dataset", ..., "is not valid: Object missing required field `dataset` - at `$.training`"
        ),
        wrong("classes", ["a", "b"], "is not valid: there are 2 classes for 10 outputs"),
        wrong("classes", [1] * 10, "is not valid: Expected `str`, got `int` - at `$.classes[0]`"),
        wrong("classes", [""] * 10, "is not valid: Expected `str` of length >= 1 - at `$.classes[0]`"),
        wrong("classes", [*"012345678", "\n"], "is not valid: the name of a class can't be printed"),
        wrong("training.dataset", ["mnist"], "is not valid: Expected `str`, got `array` - at `$.training.d"),
        wrong("training.steps", None, "is not valid: Expected `int`, got `null` - at `$.training.steps`"),
        wrong("training.augment", 1, "is not valid: Expected `bool`, got `int` - at `$.training.augment`"),
        wrong(
            "training.ticks", [1, 2.0], "is not valid: Expected `int`, got `float` - at `$.training.ticks[1]`"
        ),
        wrong("training.batch_size", 5, "is not valid: --batch-size must be a multiple of 4, not 5"),
        wrong("architecture", ..., "is not valid: Object missing required field `architecture`"),
        wrong("architecture", [], "is not valid: Expected `object`, got `array` - at `$.architecture`"),
        wrong("architecture", "wide", "is not valid: Expected `object`, got `str` - at `$.architecture`"),
        wrong("architecture.fire_rate", ..., "is not valid: Object missing required field `fire_rate`"),
        wrong("architecture.fire_rate", "0.5", "Expected `float`, got `str` - at `$.architecture.fire_rate`"),
        wrong("architecture.fire_rate", 1.5, "fire_rate must be from 0 to 1, not 1.5 - at `$.architecture`"),
        wrong("architecture.fire_rate", -0.5, "fire_rate must be from 0 to 1, not -0.5 - at `$.arch"),
        wrong("architecture.fire_rate", float("nan"), "fire_rate must be from 0 to 1, not nan"),
        wrong("architecture.noise", ..., "is not valid: Object missing required field `noise`"),
        wrong("architecture.noise", None, "Expected `float`, got `null` - at `$.architecture.noise`"),
        wrong("architecture.noise", -1, "is not valid: noise must be at least 0, not -1.0"),
        wrong("architecture.noise", 10**400, "is not valid: Number out of range"),
        wrong("architecture.noise", float("inf"), "is not valid: noise must be at least 0, not inf"),
        wrong(
            "architecture.communication_channels", 65, "communication_channels must be from 0 to 64, not 65"
        ),
        wrong("architecture.classes", 1, "is not valid: classes must be from 2 to 64, not 1"),
        wrong("architecture.alive_threshold", 1.0, "alive_threshold must be from 0 to below 1, not 1.0"),
        wrong("architecture.hidden", 128, "Expected `array`, got `int` - at `$.architecture.hidden`"),
        wrong("architecture.hidden", [], "hidden must be one to 4 widths from 1 to 512, not none"),
        wrong(
            "architecture.hidden", [80] * 5, "hidden must be one to 4 widths from 1 to 512, not 80 80 80 80"
        ),
        wrong("architecture.hidden", [80, 0], "hidden must be one to 4 widths from 1 to 512, not 80 0"),
        wrong("architecture.hidden", [80, "80"], "Expected `int`, got `str` - at `$.architecture.hidden[1]`"),
        wrong("architecture.hidden", ..., "is not valid: Object missing required field `hidden`"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    where: str, value: Any, message: str, checkpoint: Path
) -> None:
    config = json.loads((checkpoint / CONFIG).read_text())
    if where:
        *outer, last = where.split(".")
        place = config[outer[0]] if outer else config
        place[last] = value
        if value is ...:
            del place[last]
    else:
        config = value
    (checkpoint / CONFIG).write_text(json.dumps(config))
    told = message_of_loading(checkpoint)
    assert told.startswith(f"{checkpoint / CONFIG} ")
    assert message in told


def as_format_2(config: dict[str, Any]) -> None:
    """What ca wrote before it knew more than one architecture."""
    architecture, training = config["architecture"], config["training"]
    numbers = {name: architecture[name] for name in ("fire_rate", "noise", "parameters")}
    config |= {"format": 2, "architecture": {"channels": 20, "hidden": 80, **numbers}}
    for name in ("communication_channels", "hidden", "alive_threshold", "noise_level"):
        del training[name]
    training["noise"] = architecture["noise"] > 0


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_checkpoint_of_format_2_is_read_as_before(noise: float, tmp_path: Path) -> None:
    automaton = random_automaton(noise=noise, dtype=torch.float32)
    path = saved_automaton(tmp_path, automaton)
    expected = load_checkpoint(path)
    reseal(path, as_format_2)
    found = load_checkpoint(path)
    assert found.config.training == expected.config.training == RunSettings(noise_level=noise)
    assert found.automaton.architecture == expected.automaton.architecture
    assert all(
        torch.equal(a, b) for a, b in zip(found.automaton.parameters(), automaton.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("channels", 16, "is not valid: `channels` is 16, not 20 - at `$.architecture`"),
        ("hidden", 128, "is not valid: `hidden` is 128, not 80 - at `$.architecture`"),
        ("fire_rate", ..., "is not valid: Object missing required field `fire_rate`"),
        ("noise", "0.5", "is not valid: Expected `float`, got `str` - at `$.architecture.noise`"),
    ],
)
def test_a_checkpoint_of_format_2_of_other_sizes_is_refused(
    name: str, value: Any, message: str, checkpoint: Path
) -> None:
    def change(config: dict[str, Any]) -> None:
        as_format_2(config)
        config["architecture"][name] = value
        if value is ...:
            del config["architecture"][name]

    reseal(checkpoint, change)
    assert message in message_of_loading(checkpoint)


def test_a_checkpoint_without_training_state_can_not_be_resumed(checkpoint: Path) -> None:
    (checkpoint / TRAINING_STATE).unlink()
    loaded = load_checkpoint(checkpoint)
    with pytest.raises(
        CheckpointError, match=r"^can't resume from .*model-steps-30: it has weights only, no training-state"
    ):
        load_training_state(loaded, STATE)


def test_unknown_keys_of_a_config_are_told_and_ignored(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reseal(checkpoint, lambda config: config.update({"mood\n": "good"}))
    assert load_checkpoint(checkpoint).step == 30
    assert capsys.readouterr().err == f"ca: {checkpoint / CONFIG} also has mood\\n, which is ignored\n"


def test_files_that_a_config_names_beside_its_own_are_never_opened(checkpoint: Path) -> None:
    reseal(checkpoint, lambda config: config["training"].update({"../../name": "../../etc/passwd"}))
    assert load_checkpoint(checkpoint).step == 30


def test_an_evil_pickle_is_refused_and_not_run(checkpoint: Path) -> None:
    marker = checkpoint / "marker"
    evil = f"cos\nsystem\n(S'touch {marker}'\ntR.".encode()
    for path in (checkpoint / WEIGHTS, checkpoint / CONFIG, checkpoint.parent / "evil.pt"):
        path.write_bytes(evil)
        message_of_loading(checkpoint if path.parent == checkpoint else path)
    assert not marker.exists()


def test_the_newest_checkpoint_that_is_whole_is_found(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoint.parent
    assert newest_checkpoint(folder / "absent") is None
    for step in (100, 9, 40):
        write(folder, step)
    newest = newest_checkpoint(folder)
    assert newest is not None
    assert newest.step == 100
    (folder / "model-steps-100" / WEIGHTS).write_bytes(b"")
    (folder / "model-steps-40" / TRAINING_STATE).write_bytes(b"")
    newest = newest_checkpoint(folder)
    assert newest is not None
    assert newest.step == 30
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"ca: skipping {folder / 'model-steps-100'}: ")
    assert second.startswith(f"ca: skipping {folder / 'model-steps-40'}: ")


def test_weights_that_are_not_finite_are_not_saved(checkpoint: Path) -> None:
    automaton = make_automaton()
    with torch.no_grad():
        automaton.hidden.weight[3, 4] = torch.nan
    with pytest.raises(FailedError, match=r"model-steps-7: hidden\.weight has values that are not finite$"):
        saved_automaton(checkpoint.parent, automaton)
    assert checkpoints_in(checkpoint.parent) == [checkpoint]


# Crashes and full disks


def loads_as(path: Path, seed: int) -> bool:
    weights = load_checkpoint(path).automaton.state_dict()
    expected = make_automaton(seed).state_dict()
    return all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_checkpoint_of_the_same_step_is_replaced(checkpoint: Path) -> None:
    write(checkpoint.parent, seed=1)
    assert loads_as(checkpoint, seed=1)
    assert os.listdir(checkpoint.parent) == [checkpoint.name]


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int, error: BaseException) -> None:
    """Let the n-th call of a function that saving uses raise an error."""
    owner: Any = os if function == "fsync" else shutil if function == "rmtree" else Path
    original = getattr(owner, function)
    calls = 0

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += not (function == "mkdir" and options.get("parents"))  # the run's folder is there already
        if calls == call:
            raise error
        return original(*arguments, **options)

    monkeypatch.setattr(owner, function, failing)


STAGES = [("mkdir", 1), ("write_bytes", 1), ("write_bytes", 2), ("write_bytes", 3)]
STAGES += [("fsync", n) for n in (1, 2, 3, 4)] + [("replace", 1)]
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("function", "call"), STAGES)
def test_a_failing_write_is_one_line_and_leaves_only_the_older_checkpoint(
    function: str, call: int, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, function, call, FULL)
    with pytest.raises(FailedError, match=r"^can't write checkpoint .*model-steps-40: .*No space left"):
        write(checkpoint.parent, step=40, seed=1)
    assert os.listdir(checkpoint.parent) == [checkpoint.name]
    assert loads_as(checkpoint, seed=0)


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("write_bytes", 1),
        ("fsync", 4),
        ("rename", 1),
        ("rename", 2),
    ],
)
def test_a_checkpoint_that_can_not_be_replaced_stays(
    function: str, call: int, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, function, call, FULL)
    with pytest.raises(FailedError):
        write(checkpoint.parent, seed=1)
    assert loads_as(checkpoint, seed=0)
    assert os.listdir(checkpoint.parent) == [checkpoint.name]


def test_what_a_killed_run_left_is_no_hindrance(checkpoint: Path) -> None:
    left = checkpoint.parent / ".ca-tmp-abcdefgh" / "model-steps-40"
    left.mkdir(parents=True)
    (left / WEIGHTS).write_text("half")
    assert loads_as(write(checkpoint.parent, step=40, seed=1), seed=1)


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match=r"^can't write checkpoint .*model-steps-30: "):
        write(tmp_path / "file" / "run")


# Which checkpoints a folder has, and that none is a pickle


def test_the_checkpoints_of_a_folder_are_those_of_the_name_by_number(tmp_path: Path) -> None:
    for name in ("model-steps-100", "model-steps-9", "model-steps-20"):
        (tmp_path / name).mkdir()
    others = (
        "model-steps-5.tmp",
        ".model-steps-7.tmp-1",
        "model-steps-",
        "model-steps-x",
        "my-model-steps-3",
    )
    for name in (*others, "model-steps-4-old", "model-steps--4", "batches"):
        (tmp_path / name).mkdir()
    names = [path.name for path in checkpoints_in(tmp_path)]
    assert names == ["model-steps-9", "model-steps-20", "model-steps-100"]
    assert checkpoints_in(tmp_path)[0] == tmp_path / "model-steps-9"


def test_a_folder_that_is_none_has_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert checkpoints_in(tmp_path / "absent") == checkpoints_in(tmp_path / "file") == []


def pickle_uses(source: str) -> list[str]:
    """List what in a source could load a pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = {module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)}
            picklers = {
                "pickle",
                "cPickle",
                "dill",
                "cloudpickle",
                "joblib",
                "shelve",
                "marshal",
                "torch.load",
            }
            found += names & picklers
        elif isinstance(node, ast.Attribute) and node.attr == "load":
            found += ["torch.load"] if ast.unparse(node.value) == "torch" else []
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only"):
            safe = isinstance(node.value, ast.Constant) and node.value.value is (node.arg == "weights_only")
            found += [] if safe else [f"{node.arg}={ast.unparse(node.value)}"]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "from torch import load",
        "import torch\nread = torch.load",
        "import numpy\nnumpy.load(path, allow_pickle=True)",
        "numpy.load(path, allow_pickle=flag)",
        "load(path, weights_only=False)",
    ],
)
def test_the_search_for_pickles_finds_one(source: str) -> None:
    assert pickle_uses(source)


def test_the_package_never_uses_pickle() -> None:
    sources = sorted(Path(ca.__file__).parent.rglob("*.py"))
    assert len(sources) > 15
    found = {source.name: pickle_uses(source.read_text(encoding="utf-8")) for source in sources}
    assert {name: uses for name, uses in found.items() if uses} == {}


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, TRAINING_STATE])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "sparse"])
def test_a_file_that_would_never_end_is_refused_at_once(tmp_path: Path, name: str, kind: str) -> None:
    checkpoint = write(tmp_path, 7)
    path = checkpoint / name
    path.unlink()
    path.mkdir() if kind == "folder" else endless_file(path, kind)
    start = time.monotonic()
    with pytest.raises(CheckpointError) as caught:
        newest_checkpoint(tmp_path)
    assert time.monotonic() - start < 5
    assert "all checkpoints" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_can_not_be_read_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be whole: a run that went on from an older one would replace it."""
    write(tmp_path, 7)
    unreadable = write(tmp_path, 8)
    original = ca.checkpoint.files.read_regular

    def fail(path: Path, *, at_most: int) -> bytes:
        if path == unreadable / TRAINING_STATE:
            raise OSError(5, "Input/output error")
        return original(path, at_most=at_most)

    monkeypatch.setattr("ca.checkpoint.files.read_regular", fail)
    with pytest.raises(CheckpointError, match=r"can't read checkpoint .*model-steps-8: Input/output error"):
        newest_checkpoint(tmp_path)
