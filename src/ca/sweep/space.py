"""Which settings of `ca train` the trials of a sweep have in common, and in which they differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from ca.settings.flags import flag
from ca.settings.parsing import parse
from ca.settings.training import RunSettings, TrainSettings

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
        if self.whole and not (self.low == int(self.low) and self.high == int(self.high)):
            raise ValueError(f"low and high must be whole numbers, not {self.low:g} and {self.high:g}")


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

    def values_of(self, point: Values, names: Sequence[str]) -> list[Any]:
        """Settings of a trial: given for it, for all, or the default of its recipe."""
        settings = self.settings_of(point)
        found = [point.get(name, getattr(settings, name)) for name in names]
        return [list(value) if isinstance(value, tuple) else value for value in found]

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


def differing(space: Space) -> list[str]:
    """The names of the settings in which trials differ, in the order of `ca train`'s flags."""
    names = {*space.grid, *space.search, *(name for each in space.variants for name in each)}
    return [name for name in RunSettings.__dataclass_fields__ if name in names]
