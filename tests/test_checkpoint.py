"""Checkpoints: what is written is read, what is not one is refused in one line, and a crash loses nothing."""

import ast
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import random_automaton, seeded
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

import ca
from ca.checkpoint import (
    BUNDLED,
    CONFIG,
    MAX_CONFIG_BYTES,
    TRAINING_STATE,
    WEIGHTS,
    bundled_checkpoint,
    checkpoints_in,
    load_checkpoint,
    load_training_state,
    save_checkpoint,
)
from ca.errors import FailedError
from ca.model import CellularAutomaton


def make_automaton(seed: int = 0) -> CellularAutomaton:
    return random_automaton(seed, fire_rate=0.25, noise=0.5, dtype=torch.float32)


def write(folder: Path, step: int = 30, seed: int = 0) -> Path:
    return save_checkpoint(
        folder,
        make_automaton(seed),
        step=step,
        training={"dataset": "kmnist", "seed": seed},
        metrics={"loss": 1.5},
        training_state={"pool.grid": torch.randn(3, 4, generator=seeded(seed))},
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Write a checkpoint of step 30."""
    return write(tmp_path / "run")


def message_of_loading(path: Path) -> str:
    with pytest.raises(FailedError) as caught:
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
    path = save_checkpoint(
        tmp_path, automaton, step=1, training={"dataset": "mnist"}, metrics={}, training_state={}
    )
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
    assert loaded.config == {
        "format": 1,
        "version": ca.__version__,
        "step": 30,
        "architecture": {
            "channels": 20,
            "hidden": 80,
            "parameters": 22_499,
            "fire_rate": 0.25,
            "noise": 0.5,
        },
        "training": {"dataset": "kmnist", "seed": 0},
        "metrics": {"loss": 1.5},
    }
    state = load_training_state(loaded)
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


def test_the_bundled_checkpoint_is_the_default(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bundled_checkpoint().parts[-2:] == ("checkpoints", BUNDLED)
    assert load_checkpoint(None).path == bundled_checkpoint()
    monkeypatch.setattr("ca.checkpoint.bundled_checkpoint", lambda: checkpoint)
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


def test_a_missing_checkpoint_among_none_suggests_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "nope", tmp_path / "no-such-folder" / "nope"):
        assert message_of_loading(path) == f"there is no checkpoint {path}"


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


def test_an_empty_folder_is_no_checkpoint(tmp_path: Path) -> None:
    assert message_of_loading(tmp_path) == f"{tmp_path} is not a checkpoint: it has no model.safetensors"


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_folder_without_one_of_the_files_names_it(name: str, checkpoint: Path) -> None:
    (checkpoint / name).unlink()
    assert message_of_loading(checkpoint) == f"{checkpoint} is not a checkpoint: it has no {name}"
    (checkpoint / name).mkdir()
    assert message_of_loading(checkpoint) == f"{checkpoint} is not a checkpoint: it has no {name}"


# Damaged weights


@pytest.mark.parametrize("share", [0, *(n / 16 for n in range(1, 16)), 1])
def test_truncated_weights_are_refused(share: float, checkpoint: Path) -> None:
    whole = (checkpoint / WEIGHTS).read_bytes()
    (checkpoint / WEIGHTS).write_bytes(whole[: min(len(whole) - 1, round(share * len(whole)))])
    assert f"{checkpoint / WEIGHTS} is damaged or of another kind" in message_of_loading(checkpoint)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 100])
def test_weights_cut_in_their_header_are_refused(length: int, checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes((checkpoint / WEIGHTS).read_bytes()[:length])
    assert f"{checkpoint / WEIGHTS} is damaged or of another kind" in message_of_loading(checkpoint)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda whole: whole + b"\0", id="a byte long"),
        pytest.param(lambda whole: b"PK\x03\x04" + whole, id="an archive"),
        pytest.param(lambda whole: (2**62).to_bytes(8, "little") + whole[8:], id="a giant header"),
    ],
)
def test_weights_of_another_kind_are_refused(content: Callable[[bytes], bytes], checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(content((checkpoint / WEIGHTS).read_bytes()))
    assert f"{checkpoint / WEIGHTS} is damaged or of another kind" in message_of_loading(checkpoint)


@pytest.fixture(scope="module")
def sacrifice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Write a checkpoint to be damaged again and again; also returns its whole weights file."""
    path = write(tmp_path_factory.mktemp("run"))
    return path, (path / WEIGHTS).read_bytes()


@given(
    edits=st.lists(
        st.tuples(st.one_of(st.integers(0, 700), st.integers(0, 90_000)), st.integers(0, 255)), min_size=1
    )
)
def test_weights_with_changed_bytes_are_refused_or_fit(
    edits: list[tuple[int, int]], sacrifice: tuple[Path, bytes]
) -> None:
    """Most changes to the header are refused; one to the values can't be seen, but never leaves a NaN."""
    path, whole = sacrifice
    damaged = bytearray(whole)
    for place, value in edits:
        damaged[place] = value
    (path / WEIGHTS).write_bytes(damaged)
    try:
        loaded = load_checkpoint(path)
    except FailedError:
        return
    assert all(parameter.isfinite().all() for parameter in loaded.automaton.parameters())


Weights = dict[str, Tensor]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda weights: weights.update({"hidden.weight": torch.zeros(40, 80)}),
            r"does not fit: hidden\.weight is float32 \(40, 80\), expected float32 \(80, 80\)",
            id="another shape",
        ),
        pytest.param(
            lambda weights: weights.pop("residual.bias"),
            r"does not fit: residual\.bias is absent, expected float32 \(19,\)",
            id="one is missing",
        ),
        pytest.param(
            lambda weights: weights.update({"zoom.weight": torch.zeros(2)}),
            r"does not fit: zoom\.weight is float32 \(2,\), expected absent",
            id="one too many",
        ),
        pytest.param(
            lambda weights: weights.update({"hidden.bias": weights["hidden.bias"].double()}),
            r"does not fit: hidden\.bias is float64 \(80,\), expected float32 \(80,\)",
            id="double precision",
        ),
        pytest.param(
            lambda weights: weights.update({"hidden.bias": weights["hidden.bias"].long()}),
            r"does not fit: hidden\.bias is int64 \(80,\), expected float32 \(80,\)",
            id="integers",
        ),
        pytest.param(
            lambda weights: weights["perception.bias"][3:4].fill_(torch.nan),
            r"is damaged: perception\.bias has values that are not finite",
            id="NaN",
        ),
        pytest.param(
            lambda weights: weights["residual.weight"][18, 79:].fill_(-torch.inf),
            r"is damaged: residual\.weight has values that are not finite",
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
    with pytest.raises(FailedError, match=message):
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
    (checkpoint / CONFIG).write_text(" " * MAX_CONFIG_BYTES + "{}")
    assert f"{checkpoint / CONFIG} is not a checkpoint's: it is larger than" in message_of_loading(checkpoint)


MISFIT = "is not a checkpoint's: step, architecture or training do not fit"


def wrong(where: str, value: Any, *, message: str = MISFIT) -> Any:
    """Make the case of a wrong value at a dotted place of the config; ... removes it."""
    return pytest.param(where, value, message, id=f"{where}={str(value)[:20]}")


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        wrong("", [1, 2]),
        wrong("", "text"),
        wrong("", None),
        wrong("step", ...),
        wrong("step", "30"),
        wrong("step", 30.5),
        wrong("step", None),
        wrong("step", -30),
        wrong("step", True),
        wrong(
            "format", 2, message="has format 2, this ca 0.1.0 reads 1: use the version of ca that wrote it"
        ),
        wrong("training", ...),
        wrong("training", [1]),
        wrong("training.dataset", ...),
        wrong("training.dataset", "cifar"),
        wrong("training.dataset", ["mnist"]),
        wrong("architecture", ...),
        wrong("architecture", []),
        wrong("architecture", "wide"),
        wrong("architecture.fire_rate", ...),
        wrong("architecture.fire_rate", "0.5"),
        wrong("architecture.fire_rate", 1.5),
        wrong("architecture.fire_rate", -0.5),
        wrong("architecture.fire_rate", float("nan")),
        wrong("architecture.noise", ...),
        wrong("architecture.noise", None),
        wrong("architecture.noise", -1),
        wrong("architecture.noise", float("inf")),
        wrong(
            "architecture.channels", 16, message="describes another architecture than 20 channels, 80 hidden"
        ),
        wrong("architecture.hidden", 128, message="describes another architecture"),
        wrong("architecture.hidden", ..., message="describes another architecture"),
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


def test_a_checkpoint_without_training_state_can_not_be_resumed(checkpoint: Path) -> None:
    (checkpoint / TRAINING_STATE).unlink()
    loaded = load_checkpoint(checkpoint)
    with pytest.raises(FailedError, match=r"^can't resume from .*model-steps-30: it has no training-state"):
        load_training_state(loaded)


def test_a_truncated_training_state_is_refused(checkpoint: Path) -> None:
    state = checkpoint / TRAINING_STATE
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(FailedError, match=r"training-state\.safetensors is damaged or of another kind"):
        load_training_state(load_checkpoint(checkpoint))


# Crashes and full disks


def loads_as(path: Path, seed: int) -> bool:
    weights = load_checkpoint(path).automaton.state_dict()
    expected = make_automaton(seed).state_dict()
    return all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_checkpoint_of_the_same_step_is_replaced(checkpoint: Path) -> None:
    write(checkpoint.parent, seed=1)
    assert loads_as(checkpoint, seed=1)
    assert os.listdir(checkpoint.parent) == [checkpoint.name]


class Killed(BaseException):
    """Stands for the process being killed: nothing may handle it."""


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int, error: BaseException) -> None:
    """Let the n-th call of a function that saving uses raise an error."""
    owner: Any = os if function == "fsync" else shutil if function == "rmtree" else Path
    original = getattr(owner, function)
    calls = 0

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return original(*arguments, **options)

    monkeypatch.setattr(owner, function, failing)


STAGES = [("mkdir", 1), ("write_bytes", 1), ("write_bytes", 2), ("write_text", 1)]
STAGES += [("fsync", n) for n in (1, 2, 3, 4)] + [("rename", 1)]
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


@pytest.mark.parametrize(("function", "call"), STAGES)
def test_a_kill_leaves_the_older_checkpoint_and_no_half_of_the_new(
    function: str, call: int, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, function, call, Killed())
    with pytest.raises(Killed):
        write(checkpoint.parent, step=40, seed=1)
    assert checkpoints_in(checkpoint.parent) == [checkpoint]
    assert loads_as(checkpoint, seed=0)


@pytest.mark.parametrize("error", [FULL, Killed()], ids=["full disk", "kill"])
@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("write_bytes", 1),
        ("fsync", 4),
        ("rename", 1),
        ("rename", 2),
    ],
)
def test_a_replaced_checkpoint_is_there_old_or_new_whatever_happens(
    function: str, call: int, error: BaseException, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, function, call, error)
    with pytest.raises((FailedError, Killed)):
        write(checkpoint.parent, seed=1)
    monkeypatch.undo()
    assert loads_as(checkpoint, seed=0) or loads_as(checkpoint, seed=1)


def test_what_a_killed_run_with_the_same_process_id_left_is_no_hindrance(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container a restarted run often has the process id of the killed one."""
    fail_at(monkeypatch, "rename", 1, Killed())
    with pytest.raises(Killed):
        write(checkpoint.parent, step=40)
    monkeypatch.undo()
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
