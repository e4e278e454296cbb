"""The table of a sweep: its trials, the best first, as text and as a CSV file."""

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from ca.sweep.space import Space, Values, differing
from ca.sweep.study import RESULT, point_of

SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """The trials that differ in their seed alone.

    Attributes:
        point: the settings in which they differ from the others
        results: the metrics of each, and its number of parameters
    """

    point: Values
    results: list[dict[str, float]]

    def mean(self, name: str) -> float:
        """The mean of a metric over the seeds."""
        return statistics.fmean(result[name] for result in self.results)

    def spread(self, name: str) -> float:
        """Half the difference between the largest and the smallest."""
        values = [result[name] for result in self.results]
        return (max(values) - min(values)) / 2


def rows_of(space: Space, trials: Sequence[FrozenTrial]) -> list[Row]:
    """The rows of the complete trials, the largest mean of the sweep's metric first."""
    groups: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        if trial.state == TrialState.COMPLETE and RESULT in trial.user_attrs:
            point = {name: value for name, value in point_of(trial).items() if name != SEED}
            groups.setdefault(repr(sorted(point.items())), []).append(trial)
    rows = [
        Row(
            point={name: value for name, value in point_of(group[0]).items() if name != SEED},
            results=[trial.user_attrs[RESULT] for trial in group],
        )
        for group in groups.values()
    ]
    return sorted(rows, key=lambda row: row.mean(space.metric), reverse=True)


def sweep_table(space: Space, rows: Sequence[Row]) -> str:
    """The table as text: settings, parameters, number of seeds, mean and spread of each score."""
    names = [name for name in differing(space) if name != SEED]
    found = dict.fromkeys(name for row in rows for result in row.results for name in result)
    scores = [name for name in found if name not in ("parameters", "loss")]
    heading = [name.replace("_", "-") for name in names] + ["parameters", "seeds"]
    heading += [name.replace("_", " ") for name in scores]
    lines = [heading]
    for row in rows:
        cells = [_words(value) for value in space.values_of(row.point, names)]
        cells += [f"{row.mean('parameters'):,.0f}", str(len(row.results))]
        cells += [_share(row, name) for name in scores]
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def sweep_csv(space: Space, trials: Sequence[FrozenTrial]) -> str:
    """All trials, one in a line: number, state, settings that differ, parameters and metrics."""
    names = differing(space)
    results = [trial.user_attrs.get(RESULT, {}) for trial in trials]
    metrics = list(dict.fromkeys(name for result in results for name in result))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", *names, *metrics])
    for trial, result in zip(trials, results, strict=True):
        point = point_of(trial)
        settings = [_words(value) for value in space.values_of(point, names)]
        writer.writerow(
            [trial.number, trial.state.name.lower(), *settings, *(result.get(name, "") for name in metrics)]
        )
    return text.getvalue()


def _words(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _share(row: Row, name: str) -> str:
    if any(name not in result for result in row.results):
        return ""
    spread = f" ±{row.spread(name):.1%}" if len(row.results) > 1 else ""
    return f"{row.mean(name):.1%}{spread}"
