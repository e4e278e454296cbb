"""Random changes to checkpoint files: they are refused in one line, or read exactly as they are.

A hundred thousand changes instead of a few hundred are tried by

    uv run pytest tests/checkpoint/test_fuzz.py --hypothesis-profile=fuzz --hypothesis-show-statistics
"""

import gc
import json
import resource
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.helpers import reseal
from support.small_run import CPU, small, train_quickly

from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import TRAINING_STATE, WEIGHTS, load_checkpoint
from ca.data.digits import Digits
from ca.system.errors import CheckpointError
from ca.train.command import train
from ca.train.resume import restore, resume_run, training_state
from ca.train.run import TrainingRun

FILES = (WEIGHTS, CONFIG, TRAINING_STATE)
EXAMPLES = max(300, settings().max_examples)
SECONDS, BYTES = 1, 64 * 2**20
TYPES = {"F32": np.float32, "I64": np.int64, "U8": np.uint8}

ODD_NUMBERS = [0, -1, 2**31, 2**62, 2**64, 10**30, 10**400, 0.5, 1e308, float("nan"), float("inf")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(ODD_NUMBERS) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PLACE = st.floats(0, 1, exclude_max=True)
BYTE_EDITS = st.one_of(
    st.tuples(st.just("bytes"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("flip"), PLACE, st.integers(0, 7)),
    st.tuples(st.just("insert"), PLACE, st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("cut out"), PLACE, st.integers(1, 2_000)),
    st.tuples(st.just("cut off"), PLACE, st.none()),
    st.tuples(st.just("length"), PLACE, st.integers(0, 2**64 - 1) | st.integers(0, 5_000)),
)
JSON_EDITS = st.tuples(st.sampled_from(["value", "remove", "copy"]), PLACE, JSON)
EDITS = st.sampled_from([BYTE_EDITS, JSON_EDITS]).flatmap(lambda edits: edits)
Edit = tuple[str, float, Any]


def edited(content: bytes, edit: Edit) -> bytes:
    """Change a file; places are shares of its length, or of all values in its JSON."""
    how, place, what = edit
    if how in ("value", "remove", "copy"):
        return edited_json(content, edit)
    # Half of the places are in the first kilobyte, where a file of tensors tells what it holds.
    at = int(2 * place * min(1_000, len(content))) if place < 0.5 else int((2 * place - 1) * len(content))
    if how == "bytes":
        return content[:at] + what + content[at + len(what) :]
    if how == "flip":
        return content[:at] + bytes(byte ^ 1 << what for byte in content[at : at + 1]) + content[at + 1 :]
    if how == "insert":
        return content[:at] + what + content[at:]
    if how == "cut out":
        return content[:at] + content[at + what :]
    return content[:at] if how == "cut off" else what.to_bytes(8, "little") + content[8:]


def edited_json(content: bytes, edit: Edit) -> bytes:
    """Change a value of a config, or of the header of a file of tensors; as it is where there is none."""
    how, place, what = edit
    whole = content.startswith(b"{")
    length = len(content) if whole else int.from_bytes(content[:8], "little")
    start = 0 if whole else 8
    try:
        root = json.loads(content[start : start + length])
    except (ValueError, RecursionError):
        return content
    holders = [root]
    slots: list[tuple[Any, Any]] = []
    while holders:
        holder = holders.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        slots += [(holder, key) for key in keys]
        holders += [holder[key] for key in keys]
    if not slots:
        return content
    holder, key = slots[int(place * len(slots))]
    if how == "value":
        holder[key] = what
    elif how == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[str(what)] = holder[key]
    header = json.dumps(root).encode()
    return header if whole else len(header).to_bytes(8, "little") + header + content[8 + length :]


def tensors_in(content: bytes) -> dict[str, np.ndarray]:
    """What a file of tensors holds, read in the plainest way."""
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }


@contextmanager
def little_memory_and_time() -> Generator[None]:
    """Let this process take 64 MB more than it has, and one second, without collecting others' garbage."""
    gc.disable()
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    start, limits = time.process_time(), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has + BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        gc.enable()
    assert time.process_time() - start < SECONDS


class Victim:
    """A small checkpoint to be changed again and again, what its files hold, and a run to restore."""

    def __init__(self, path: Path, run: TrainingRun) -> None:
        self.path = path
        self.whole = {name: (path / name).read_bytes() for name in FILES}
        self.there: Mapping[str, bytes | None] = self.whole
        self.run = run


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory, few_digits: Digits) -> Victim:
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patches:
        train_quickly(patches, few_digits)
        settings = small(folder, steps=2, recipe="article", pool_size=4)
        train(settings)
        path = folder / "model-steps-2"
        run = resume_run(replace(settings, steps=3), load_checkpoint(path), CPU)
    return Victim(path, run)


@settings(max_examples=EXAMPLES)
@given(
    edits=st.lists(st.tuples(st.sampled_from(FILES), EDITS), min_size=1, max_size=3),
    sealed_anew=st.sampled_from([True, True, True, False]),
)
def test_a_changed_checkpoint_is_refused_or_read_as_it_is(
    edits: list[tuple[str, Edit]],
    sealed_anew: bool,
    victim: Victim,
) -> None:
    path, whole, run = victim.path, victim.whole, victim.run
    changed = dict(whole)
    for name, edit in edits:
        changed[name] = edited(changed[name], edit)
    for name, content in changed.items():
        if content != victim.there[name]:
            (path / name).write_bytes(content)
    victim.there = changed
    if sealed_anew:  # as an attacker would
        with suppress(ValueError, TypeError, RecursionError):
            reseal(path)
            victim.there = changed | {CONFIG: None}
    try:
        with little_memory_and_time():
            checkpoint = load_checkpoint(path)
            restore(run, checkpoint)
    except CheckpointError as error:
        line = str(error)
        event("refused: " + line.replace(str(path), "").partition(" ")[2][:25])
    else:
        line = ""
        event("read")
    assert "\n" not in line
    if line:
        return
    loaded = checkpoint.automaton.state_dict()
    held = tensors_in(changed[WEIGHTS])
    assert loaded.keys() == held.keys()
    assert all(loaded[name].numpy().tobytes() == held[name].tobytes() for name in held)
    kept, held = training_state(run), tensors_in(changed[TRAINING_STATE])
    assert kept.keys() == held.keys()
    plain = [name for name in held if not name.startswith("generator")]  # those have bytes without meaning
    assert all(kept[name].numpy().tobytes() == held[name].tobytes() for name in plain)
    if not sealed_anew:
        assert changed[WEIGHTS] == whole[WEIGHTS]
        assert changed[TRAINING_STATE] == whole[TRAINING_STATE]
        assert json.loads(changed[CONFIG]) == json.loads(whole[CONFIG])
