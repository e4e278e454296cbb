"""The measured result of a checkpoint, as a report's JSON file holds it."""

import math
from dataclasses import dataclass

from ca.metrics import confusion
from ca.protocol import METRICS, Measurements, metrics_at
from ca.settings.choices import Dataset

PRINTED_TICKS = (20, 50, 100, 200, 400)


@dataclass(frozen=True)
class Top:
    """The largest value of a metric before the mutation, and the first tick that has it."""

    value: float
    tick: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured of a checkpoint. The fields are the keys of the JSON file; shares are in [0, 1].

    Attributes:
        checkpoint: name of the checkpoint
        step: its training steps
        digits: number of digits
        top: for each of the three metrics
        at_tick: the three metrics after some ticks
        confusion: (10, 10) digits of each label (row) by most common class (column), after the last tick
        curves: every metric after every tick of both stages; None from the tick on at which it is infinite
    """

    checkpoint: str
    step: int
    dataset: Dataset
    digits: int
    seed: int
    ticks_per_stage: int
    top: dict[str, Top]
    at_tick: dict[int, dict[str, float]]
    confusion: list[list[int]]
    curves: dict[str, list[float | None]]


def result_of(measured: Measurements, *, checkpoint: str, step: int, dataset: Dataset, seed: int) -> Result:
    """The result from the measurements of a checkpoint."""
    curves = measured.curves()
    stages, ticks, digits, _ = measured.votes.shape
    first_stage = {name: curves[name][:ticks] for name in METRICS}
    last = stages * ticks
    printed = sorted({tick for tick in PRINTED_TICKS if tick <= last} | {ticks, last})
    return Result(
        checkpoint=checkpoint,
        step=step,
        dataset=dataset,
        digits=digits,
        seed=seed,
        ticks_per_stage=ticks,
        top={name: Top(max(curve), curve.index(max(curve)) + 1) for name, curve in first_stage.items()},
        at_tick={tick: metrics_at(curves, tick) for tick in printed},
        confusion=confusion(measured.votes[-1, -1], measured.labels[-1]).tolist(),
        curves={name: _until_infinite(curve) for name, curve in curves.items()},
    )


def diverging_tick(result: Result) -> int | None:
    """The first tick after which the states of cells are infinite or NaN, or None."""
    ticks = [curve.index(None) + 1 for curve in result.curves.values() if None in curve]
    return min(ticks, default=None)


def _until_infinite(curve: list[float]) -> list[float | None]:
    """A curve whose values are None from the first one on that is infinite or NaN."""
    end = next((tick for tick, value in enumerate(curve) if not math.isfinite(value)), len(curve))
    return [*curve[:end], *[None] * (len(curve) - end)]
