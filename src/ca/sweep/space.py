"""The file of a sweep: which settings of `ca train` its trials have in common, and in which they differ."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from ca.checkpoint.files import one_line
from ca.settings.flags import flag
from ca.settings.parsing import parse
from ca.settings.training import RunSettings, TrainSettings
from ca.system.errors import UsageError
from ca.system.reading import read_regular

MAX_BYTES, MAX_TRIALS = 1_000_000, 100_000
OF_THE_SWEEP = ("output_dir", "resume", "track", "profile")  # what the sweep itself gives to each trial

Values = dict[str, Any]  # settings of `ca train` by name


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a search chooses from. `whole`: whole numbers only; `log`: on a logarithmic scale."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if (
            not self.low < self.high
            or not math.isfinite(self.high - self.low)
            or (self.log and self.low <= 0)
        ):
            raise ValueError(
                f"low must be below high, and above 0 if log, not {self.low:g} and {self.high:g}"
            )


@dataclass(frozen=True, kw_only=True)
class Space:
    """The content of the file.

    Attributes:
        settings: of all trials
        variants: settings that belong together, one of them for each trial
        grid: values of a setting; there is a trial for each combination
        search: ranges that Optuna searches, trial by trial
        trials: number of trials of a search
        metric: what is compared, a name in `metrics.jsonl`; larger is better
    """

    settings: Values = field(default_factory=dict)
    variants: list[Values] = field(default_factory=lambda: [{}])
    grid: dict[str, list[Any]] = field(default_factory=dict)
    search: dict[str, Range | list[Any]] = field(default_factory=dict)
    trials: int | None = None
    metric: str = "held_out_cell_accuracy"

    def points(self) -> Iterator[Values]:
        """What is given for each trial of a grid: those of a variant and of the grid."""
        for variant, chosen in product(self.variants, product(*self.grid.values())):
            yield {**variant, **dict(zip(self.grid, chosen, strict=True))}

    @property
    def number_of_trials(self) -> int:
        """All trials of the sweep."""
        if self.search:
            return self.trials or 0
        return len(self.variants) * math.prod(map(len, self.grid.values()))

    def value_of(self, point: Values, name: str) -> Any:
        """A setting of a trial: given for it, for all, or the default of `ca train`."""
        if name in point:
            return point[name]
        default = getattr(self._in_common, name)
        return list(default) if isinstance(default, tuple) else default

    @cached_property
    def _in_common(self) -> TrainSettings:
        return self.settings_of({})

    def settings_of(self, point: Values) -> TrainSettings:
        """The settings of a trial.

        Raises:
            UsageError: a setting is unknown, or its value is refused
        """
        found = parse(["train", *words_of({**self.settings, **point})])
        assert isinstance(found, TrainSettings)
        return found


def words_of(values: Mapping[str, Any]) -> list[str]:
    """Settings as words of a command line."""
    words = []
    for name, value in values.items():
        if value is False:
            words.append(flag(f"no_{name}"))
        elif value is True:
            words.append(flag(name))
        else:
            several = value if isinstance(value, list | tuple) else [value]
            words += [flag(name), *map(str, several)]
    return words


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
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is not the file of a sweep: {one_line([str(error)])}") from error
    try:
        _check(space, found)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return space


def _with_underscores(found: Any) -> Any:
    """The names of settings may be written as their flags are."""
    if isinstance(found, dict):
        return {name.replace("-", "_"): _with_underscores(value) for name, value in found.items()}
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
    twice = [
        name for name in space.search if name in space.grid or any(name in each for each in space.variants)
    ]
    if space.search and (space.grid or len(space.variants) > 1 or twice):
        raise UsageError("a search has no grid and no variants: choose [search] or the others")
    if any(not values for values in space.grid.values()) or not space.variants:
        raise UsageError("[grid] has a setting without values")
    if bool(space.search) != (space.trials is not None):
        raise UsageError("trials is the number of trials of a [search]: give both or neither")
    if not 1 <= space.number_of_trials <= MAX_TRIALS:
        raise UsageError(
            f"there would be {space.number_of_trials:,} trials: 1 to {MAX_TRIALS:,} are possible"
        )
    for point in _examples(space):
        space.settings_of(point)


def _examples(space: Space) -> Iterator[Values]:
    """Trials that are checked before any begins: all of a grid, the ends of the ranges of a search."""
    if not space.search:
        yield from space.points()
        return
    for name, values in space.search.items():
        ends = [values.low, values.high] if isinstance(values, Range) else values
        whole = isinstance(values, Range) and values.whole
        yield from ({name: int(end) if whole else end} for end in ends)


def differing(space: Space) -> list[str]:
    """The names of the settings in which trials differ, in the order of `ca train`'s flags."""
    names = {*space.grid, *space.search, *(name for each in space.variants for name in each)}
    return [name for name in RunSettings.__dataclass_fields__ if name in names]
