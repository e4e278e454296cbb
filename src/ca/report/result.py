"""The measured result of a checkpoint, as a report's JSON file holds it."""

import math
from dataclasses import dataclass

from torch import Tensor

from ca.metrics import agreement, agreement_within_parts, confusion, in_parts, largest_part_agreement
from ca.protocol import METRICS, Measurements, metrics_at
from ca.report.certainty import Certainty, certainties

PRINTED_TICKS = (20, 50, 100, 200, 400)


@dataclass(frozen=True)
class Top:
    """The largest value of a metric before the mutation, and the first tick that has it."""

    value: float
    tick: int


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What agreement leaves out: cells of two parts of a digit can't communicate. Shares are of all digits.

    Attributes:
        largest_part_agreement: share of digits whose largest part has cells of one class
        agreement_within_parts: share of digits each of whose parts has cells of one class
        digits_in_parts: number of digits with two parts or more
        agreement_in_parts: share of these whose cells all have the same class; None if there are none
    """

    largest_part_agreement: float
    agreement_within_parts: float
    digits_in_parts: int
    agreement_in_parts: float | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured of a checkpoint. The fields are the keys of the JSON file; shares are in [0, 1].

    Attributes:
        checkpoint: name of the checkpoint
        step: its training steps
        dataset: name or path of the data set
        classes: names of the classes
        digits: number of digits
        top: for each of the three metrics
        at_tick: the three metrics after some ticks
        parts: what agreement leaves out, after the last tick of each stage
        certainty: measures of how sure the cells are, before the mutation, by name
        confusion: (classes, classes) digits of each label (row) by most common class (column), after the
            last tick
        curves: every metric after every tick of both stages; None from the tick on at which it is infinite
    """

    checkpoint: str
    step: int
    dataset: str
    classes: tuple[str, ...]
    digits: int
    seed: int
    ticks_per_stage: int
    top: dict[str, Top]
    at_tick: dict[int, dict[str, float]]
    parts: dict[int, Parts]
    certainty: dict[str, Certainty]
    confusion: list[list[int]]
    curves: dict[str, list[float | None]]


def result_of(
    measured: Measurements, *, checkpoint: str, step: int, dataset: str, classes: tuple[str, ...], seed: int
) -> Result:
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
        classes=classes,
        digits=digits,
        seed=seed,
        ticks_per_stage=ticks,
        top={name: Top(max(curve), curve.index(max(curve)) + 1) for name, curve in first_stage.items()},
        at_tick={tick: metrics_at(curves, tick) for tick in printed},
        parts={
            ticks * (stage + 1): _parts(measured.last_part_votes[stage], measured.votes[stage, -1])
            for stage in range(stages)
        },
        certainty=certainties(measured.votes[0], measured.labels[0]),
        confusion=confusion(measured.votes[-1, -1], measured.labels[-1]).tolist(),
        curves={name: _until_infinite(curve) for name, curve in curves.items()},
    )


def _parts(part_votes: Tensor, votes: Tensor) -> Parts:
    """The same from the votes of the parts (digits, parts, classes) and of the digits (digits, classes)."""
    divided = in_parts(part_votes)
    number = int(divided.sum())
    return Parts(
        largest_part_agreement=largest_part_agreement(part_votes).item(),
        agreement_within_parts=agreement_within_parts(part_votes).item(),
        digits_in_parts=number,
        agreement_in_parts=agreement(votes[divided]).item() if number else None,
    )


def diverging_tick(result: Result) -> int | None:
    """The first tick after which the states of cells are infinite or NaN, or None."""
    ticks = [curve.index(None) + 1 for curve in result.curves.values() if None in curve]
    return min(ticks, default=None)


def _until_infinite(curve: list[float]) -> list[float | None]:
    """A curve whose values are None from the first one on that is infinite or NaN."""
    end = next((tick for tick, value in enumerate(curve) if not math.isfinite(value)), len(curve))
    return [*curve[:end], *[None] * (len(curve) - end)]
