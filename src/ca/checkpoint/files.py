"""The files of a checkpoint: JSON and tensors that are read as if a stranger had made them.

A file has a greatest size, and its SHA-256 stands in `config.json`; names, types and shapes of tensors are
compared with what is expected before any is used, and nothing is ever converted.
"""

import json
import math
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError, deserialize
from safetensors.torch import load
from torch import Tensor

from ca import __version__
from ca.cells import CHANNELS
from ca.model import HIDDEN
from ca.settings.choices import Dataset
from ca.system.errors import CheckpointError
from ca.system.terminal import print_line

CONFIG = "config.json"
FORMAT = 2
KEYS = ("format", "version", "step", "architecture", "training", "machine", "metrics", "sha256")
MAX_JSON_BYTES = 1_000_000  # of a config, and of the header of a file of tensors
MAX_STEP = 2**63


def sealed(config: dict[str, Any], contents: dict[str, bytes]) -> bytes:
    """The `config.json` of a checkpoint: with the SHA-256 of the other files and of all else in it."""
    config = {**config, "sha256": {name: sha256(content).hexdigest() for name, content in contents.items()}}
    config["sha256"][CONFIG] = _config_sha256(config)
    return (json.dumps(config, indent=2, allow_nan=False) + "\n").encode()


def _config_sha256(config: dict[str, Any]) -> str:
    """The SHA-256 of a config without its own, however it is laid out."""
    others = {name: value for name, value in config["sha256"].items() if name != CONFIG}
    said = json.dumps({**config, "sha256": others}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(said.encode()).hexdigest()


def read_config(path: Path) -> dict[str, Any]:
    """A `config.json`.

    Raises:
        CheckpointError: it is damaged, or of another version or architecture
    """
    content = _read(path, at_most=MAX_JSON_BYTES)
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not JSON") from error
    if isinstance(config, dict) and config.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {config.get('format')!r:.20} of ca {config.get('version')!r:.20}, "
            f"this ca {__version__} reads {FORMAT}: use the version of ca that wrote it"
        )
    try:
        rates = [config["architecture"][name] for name in ("fire_rate", "noise")]
        fits = (
            type(config["step"]) is int
            and 0 <= config["step"] < MAX_STEP
            and config["training"]["dataset"] in get_args(Dataset)
            and all(isinstance(rate, int | float) and 0 <= float(rate) < math.inf for rate in rates)
            and rates[0] <= 1
            and all(isinstance(config[key], dict) for key in ("machine", "metrics", "sha256"))
        )
    except (KeyError, TypeError, IndexError, OverflowError):
        fits = False
    if not fits:
        raise CheckpointError(f"{path} is not a checkpoint's: step, architecture or training do not fit")
    architecture = config["architecture"]
    if (architecture.get("channels"), architecture.get("hidden")) != (CHANNELS, HIDDEN):
        raise CheckpointError(
            f"{path} describes another architecture than {CHANNELS} channels, {HIDDEN} hidden"
        )
    try:
        whole = config["sha256"].get(CONFIG) == _config_sha256(config)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one that it states")
    strangers = sorted(config.keys() - KEYS)
    if strangers:
        print_line(f"ca: {path} also has {_listed(strangers)}, which is ignored")
    return config


def read_tensors(path: Path, expected: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a file, if it is the one that was written and holds what is expected.

    Args:
        expected: tensors of the same names, types and shapes
        config: the `config.json` beside it

    Raises:
        CheckpointError: it is not that file, or does not hold that
    """
    content = _read(path, at_most=sum(tensor.nbytes for tensor in expected.values()) + MAX_JSON_BYTES)
    if config["sha256"].get(path.name) != sha256(content).hexdigest():
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one that {CONFIG} states")
    try:
        found = {name: (view["dtype"], tuple(view["shape"])) for name, view in deserialize(content)}
        wanted = {name: _kind(tensor) for name, tensor in expected.items()}
        misfits = [
            f"{name} is {_in_words(found.get(name))}, expected {_in_words(wanted.get(name))}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]
        if misfits:
            raise CheckpointError(f"{path} does not fit: {_listed(misfits)}")
        tensors = load(content)
        check_finite(tensors)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or of another kind: {_listed([str(error)])}") from error
    return tensors


def _read(path: Path, *, at_most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise CheckpointError(f"{path} is not a checkpoint's: it is larger than {at_most} bytes")
    return content


def check_finite(tensors: dict[str, Tensor]) -> None:
    """Raise ValueError if a value is infinite or not a number."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name} has values that are not finite")


def _kind(tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    """Type and shape as a file of tensors tells them."""
    sort = "F" if tensor.is_floating_point() else "I" if tensor.is_signed() else "U"
    return f"{sort}{8 * tensor.itemsize}", tuple(tensor.shape)


def _in_words(kind: tuple[str, tuple[int, ...]] | None) -> str:
    return "absent" if kind is None else f"{kind[0]} {kind[1]}"


def _listed(texts: list[str]) -> str:
    """Texts that may come from a stranger's file, the first three of them, on one line."""
    shown = [ascii(text[:100])[1:-1] for text in texts[:3]]
    return "; ".join(shown + ([f"and {len(texts) - 3} more"] if len(texts) > 3 else []))
