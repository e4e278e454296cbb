"""`config.json` of a checkpoint: what the automaton is, how it was trained, and the SHA-256 of all files.

The file is untrusted input. It is validated by msgspec against the dataclasses below, without conversions:
a number in quotes, for example, is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ca import __version__
from ca.architecture import Architecture
from ca.checkpoint.files import MAX_HEADER_BYTES, one_line, read_file
from ca.settings.training import RunSettings
from ca.sizes import DIGIT_NAMES
from ca.system.errors import CheckpointError, UsageError
from ca.system.terminal import print_line

CONFIG = "config.json"
FORMAT, FORMAT_2 = 3, 2
FORMAT_2_NUMBERS = ("fire_rate", "noise")  # of an architecture
GIVEN = {"architecture": [field.name for field in fields(Architecture)], "training": ["dataset"]}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the exact result of a run depends on besides its settings."""

    torch: str
    device: str
    instructions: str
    engine: str
    threads: int
    processes: Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, kw_only=True)
class Config:
    """The content of a `config.json`.

    Attributes:
        format: version of this file's format
        version: version of ca that wrote it
        step: training steps done
        metrics: results at this step: the loss, and shares in [0, 1] on the digits held out
        sha256: SHA-256 of each file of the checkpoint, this one included
        data_sha256: SHA-256 of the training data; None if it was written without
        classes: names of the classes, in the order of the output channels
    """

    format: int
    version: str
    step: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    architecture: Architecture
    training: RunSettings
    machine: Machine
    metrics: dict[str, float]
    sha256: dict[str, str]
    data_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    classes: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=100)], ...] = DIGIT_NAMES

    def __post_init__(self) -> None:
        if len(set(self.classes)) != self.architecture.classes:
            raise ValueError(
                f"there are {len(set(self.classes))} classes for {self.architecture.classes} outputs"
            )
        if not all(map(str.isprintable, self.classes)):
            raise ValueError("the name of a class can't be printed")


@dataclass
class _Format2:
    architecture: dict[str, Any]
    training: dict[str, Any]


def config_content(
    architecture: Architecture,
    *,
    step: int,
    training: RunSettings,
    machine: Machine,
    metrics: Mapping[str, float],
    contents: dict[str, bytes],
    data_sha256: str | None = None,
    classes: tuple[str, ...] = DIGIT_NAMES,
) -> bytes:
    """The bytes of a checkpoint's `config.json`.

    Args:
        contents: the bytes of its other files, by name
        data_sha256: SHA-256 of the training data, if known
        classes: names of the classes, in the order of the output channels

    Raises:
        ValueError: a metric is not finite
    """
    settings = {field.name: getattr(training, field.name) for field in fields(RunSettings)}
    config = {
        "format": FORMAT,
        "version": __version__,
        "step": step,
        "architecture": {**asdict(architecture), "parameters": architecture.parameters},
        "training": {**settings, "optimisation": asdict(training.optimisation)},
        "machine": asdict(machine),
        "metrics": dict(metrics),
        "classes": list(classes),
    }
    if data_sha256 is not None:
        config["data_sha256"] = data_sha256
    return sealed(config, contents)


def sealed(config: dict[str, Any], contents: dict[str, bytes]) -> bytes:
    """A config as JSON, completed with the SHA-256 of the other files and with its own."""
    config = {**config, "sha256": {name: sha256(content).hexdigest() for name, content in contents.items()}}
    config["sha256"][CONFIG] = _own_sha256(config)
    return (json.dumps(config, indent=2, allow_nan=False) + "\n").encode()


def _own_sha256(config: dict[str, Any]) -> str:
    """The SHA-256 of a config without this entry; it does not depend on white space and order."""
    others = {name: value for name, value in config["sha256"].items() if name != CONFIG}
    text = json.dumps({**config, "sha256": others}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()


def _upgraded(found: Any) -> Any:
    """A config of format 2, which had one architecture only, as one of this format; others as they are.

    Raises:
        msgspec.ValidationError: it is of another architecture, or parts of it are missing
    """
    if not isinstance(found, dict) or found.get("format") != FORMAT_2:
        return found
    old = msgspec.convert(found, _Format2)
    sizes = {"channels": Architecture().channels, "hidden": Architecture.hidden[0]}
    for name, size in sizes.items():
        if old.architecture.get(name) != size:
            given = old.architecture.get(name)
            raise msgspec.ValidationError(f"`{name}` is {given!r:.20}, not {size} - at `$.architecture`")
    numbers = {name: old.architecture[name] for name in FORMAT_2_NUMBERS if name in old.architecture}
    article = {name: value for name, value in asdict(Architecture()).items() if name not in FORMAT_2_NUMBERS}
    training = {**old.training, "noise_level": numbers.get("noise")}
    return {**found, "architecture": {**article, **numbers}, "training": training}


def read_config(path: Path) -> Config:
    """Read and validate a `config.json`. Unknown keys are ignored with a warning.

    Raises:
        CheckpointError: it is damaged, or of another version or architecture
        OSError: it cannot be read
    """
    content = read_file(path, at_most=MAX_HEADER_BYTES)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not JSON") from error
    if isinstance(found, dict) and found.get("format") not in (FORMAT, FORMAT_2):
        raise CheckpointError(
            f"{path} has format {found.get('format')!r:.20} of ca {found.get('version')!r:.20}, "
            f"this ca {__version__} reads {FORMAT_2} and {FORMAT}: use the version of ca that wrote it"
        )
    try:
        found_now = _upgraded(found)
        config = msgspec.convert(found_now, Config)
        for part, names in GIVEN.items():
            for name in names:
                if name not in found_now[part]:  # a default would be a guess
                    raise msgspec.ValidationError(f"Object missing required field `{name}` - at `$.{part}`")
    except (msgspec.ValidationError, UsageError) as error:
        raise CheckpointError(f"{path} is not valid: {one_line([str(error)])}") from error
    try:
        whole = config.sha256.get(CONFIG) == _own_sha256(found)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one that it states")
    unknown = sorted(found.keys() - {field.name for field in fields(Config)})
    if unknown:
        print_line(f"ca: {path} also has {one_line(unknown)}, which is ignored")
    return config
