"""Reading and checking the file of a sweep, before any of its trials begins."""

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ca.checkpoint.files import one_line
from ca.protocol import METRICS
from ca.settings.flags import flag
from ca.settings.training import TrainSettings
from ca.sweep.space import Range, Space, Values
from ca.system.errors import UsageError
from ca.system.reading import read_regular

MAX_BYTES, MAX_TRIALS = 1_000_000, 5_000
OF_THE_SWEEP = ("output_dir", "data_dir", "resume", "track", "profile")  # which the sweep gives to each trial


def read_space(path: Path) -> Space:
    """Read and check the file of a sweep.

    Raises:
        UsageError: it can't be read, or a part of it is refused, with the name of that part
    """
    try:
        content = read_regular(path, at_most=MAX_BYTES)
        found = tomllib.loads(content.decode())
        space = msgspec.convert(_with_underscores(found), Space)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is not the file of a sweep: {one_line([str(error)])}") from error
    try:
        _check(space, found)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return space


def _with_underscores(found: Any) -> Any:
    """The names of settings may be written as their flags are."""
    if isinstance(found, dict):
        names = {name.replace("-", "_"): _with_underscores(value) for name, value in found.items()}
        if len(names) < len(found):
            raise ValueError(f"a setting is given twice, with - and with _: {', '.join(found)}")
        return names
    return [_with_underscores(each) for each in found] if isinstance(found, list) else found


def _check(space: Space, found: dict[str, Any]) -> None:
    unknown = sorted(found.keys() - {"settings", "variants", "grid", "search", "trials", "metric"})
    if unknown:
        raise UsageError(f"there is no part {unknown[0]}: see docs/sweeps.md")
    known = [*TrainSettings.__dataclass_fields__]
    names = [*space.settings, *space.grid, *space.search, *(name for each in space.variants for name in each)]
    for name in names:
        if name not in known:
            raise UsageError(f"ca train has no flag {flag(name)}")
        if name in OF_THE_SWEEP:
            raise UsageError(f"{flag(name)} is given to each trial by the sweep: leave it out")
    _check_values(space, found)
    if space.search and (space.grid or space.variants != [{}]):
        raise UsageError("a search has no grid and no variants: choose [search] or the others")
    for name in space.grid:
        if any(name in each for each in space.variants):
            raise UsageError(f"{flag(name)} is in [grid] and in [[variants]]: leave it out of one")
    if bool(space.search) != (space.trials is not None):
        raise UsageError("trials is the number of trials of a [search]: give both or neither")
    if not 1 <= space.number_of_trials <= MAX_TRIALS:
        raise UsageError(
            f"there would be {space.number_of_trials:,} trials: 1 to {MAX_TRIALS:,} are possible"
        )
    for point in _examples(space):
        _check_metric(space.metric, space.settings_of(point))


def _check_values(space: Space, found: dict[str, Any]) -> None:
    """Refuse what a command line can't say, values that are there twice, and unknown parts of a range."""
    several = {
        **space.grid,
        **{name: each for name, each in space.search.items() if isinstance(each, list)},
    }
    for name, values in several.items():
        if not values:
            raise UsageError(f"{flag(name)} has no values")
        if any(value in values[:place] for place, value in enumerate(values)):
            raise UsageError(f"{flag(name)} has a value twice: {values}")
        if name == "device":
            raise UsageError("--device is for all trials: put it into [settings]")
    alone = [*space.settings.items(), *(item for each in space.variants for item in each.items())]
    for name, value in [*alone, *((name, value) for name, values in several.items() for value in values)]:
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, str | int | float) or str(part).startswith("--"):
                raise UsageError(f"{flag(name)} can't be {part}")
    for name, value in found.get("search", {}).items():
        known = Range.__dataclass_fields__
        unknown = [part for part in value if part not in known] if isinstance(value, dict) else []
        if unknown:
            raise UsageError(f"the range of {name} has an unknown part {unknown[0]}")


def _check_metric(metric: str, settings: TrainSettings) -> None:
    """Refuse a metric that a trial would not have."""
    if settings.held_out == 0:
        raise UsageError("--held-out 0 leaves no digits to score: a sweep needs some")
    parts = ["held_out", "varied"] if settings.augment or settings.written_share else ["held_out"]
    known = [f"{part}_{score}" for part in parts for score in METRICS]
    if metric not in known:
        raise UsageError(f"metric must be one of {', '.join(known)}, not {metric!r}")


def _examples(space: Space) -> Iterator[Values]:
    """Trials that are checked before any begins: all of a grid, some of each range of a search."""
    if not space.search:
        yield from space.points()
        return
    first = {name: _some_of(values)[0] for name, values in space.search.items()}
    for name, values in space.search.items():
        yield from ({**first, name: value} for value in _some_of(values))


def _some_of(values: Range | list[Any]) -> list[Any]:
    """All choices, or the ends of a range with a number next to the lowest."""
    if isinstance(values, list):
        return values
    if values.whole:
        return [int(values.low), int(values.high), int(values.low) + 1]
    return [values.low, values.high, values.low + (values.high - values.low) / math.pi]
