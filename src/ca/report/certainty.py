"""How sure a digit's cells are: measures that should tell right digits from wrong ones."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.metrics import agreeing

BINS = 15  # of the calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017)
MEASURES = ("first_agreement", "votes")

Numbers = NDArray[np.float64] | NDArray[np.int64]  # (digits,)
Flags = NDArray[np.bool_]  # (digits,)


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How well a measure of certainty tells right digits from wrong ones.

    Attributes:
        roc_area: area under the receiver operating characteristic: the chance that a right digit is surer
            than a wrong one, equally sure ones counting half; None if all digits are right, or all wrong
        thresholds: the values of the measure, the surest first
        digits: number of digits that are at least so sure
        right: how many of them are right
        calibration_error: of a measure that is a share, taken as the probability that the digit is right
    """

    roc_area: float | None
    thresholds: list[float]
    digits: list[int]
    right: list[int]
    calibration_error: float | None = None

    def accuracy_at(self, coverage: float) -> float:
        """Share of right digits among the surest share `coverage` of all, in (0, 1]; ties are averaged."""
        number = coverage * self.digits[-1]
        return float(np.interp(number, [0, *self.digits], [0, *self.right])) / number


def first_agreement(votes: Tensor) -> Tensor:
    """The first tick after which all cells of a digit have the same class; ticks + 1 if there is none.

    Args:
        votes: (ticks, digits, 10)

    Returns:
        (digits,) int64, counted from 1
    """
    agreed = agreeing(votes)
    never = torch.ones_like(agreed[:1])
    return torch.cat([agreed, never]).int().argmax(0) + 1


def vote_shares(votes: Tensor) -> Tensor:
    """Share of a digit's cells that output its most common class: (digits, 10) -> (digits,) float64."""
    return votes.amax(-1).double() / votes.sum(-1).clamp(min=1)


def certainties(votes: Tensor, labels: Tensor) -> dict[str, Certainty]:
    """Two measures: how early the cells of a digit agreed first, and how many agree after the last tick.

    A digit is right if its most common class after the last tick is the label.

    Args:
        votes: (ticks, digits, 10)
        labels: (digits,)
    """
    last = votes[-1]
    right = ((last.argmax(-1) == labels) & (last.sum(-1) > 0)).numpy()
    ticks, shares = first_agreement(votes).numpy(), vote_shares(last).numpy()
    return {
        "first_agreement": certainty(ticks, right, lowest_is_surest=True),
        "votes": replace(certainty(shares, right), calibration_error=calibration_error(shares, right)),
    }


def certainty(measured: Numbers, right: Flags, *, lowest_is_surest: bool = False) -> Certainty:
    """Judge a measure of certainty.

    Args:
        measured: of each digit
        right: whether the digit is right
    """
    values, group = np.unique(measured, return_inverse=True)
    digits, right_ones = np.bincount(group), np.bincount(group, right).astype(np.int64)
    if not lowest_is_surest:
        values, digits, right_ones = values[::-1], digits[::-1], right_ones[::-1]
    wrong_ones = digits - right_ones
    less_sure = wrong_ones.sum() - wrong_ones.cumsum()
    pairs = int(right_ones.sum() * wrong_ones.sum())
    return Certainty(
        roc_area=float(right_ones @ (less_sure + wrong_ones / 2) / pairs) if pairs else None,
        thresholds=values.tolist(),
        digits=digits.cumsum().tolist(),
        right=right_ones.cumsum().tolist(),
    )


def calibration_error(confidence: Numbers, right: Flags) -> float:
    """Expected calibration error: mean distance between confidence and accuracy in bins of equal width.

    Args:
        confidence: in [0, 1], of each digit
        right: whether the digit is right
    """
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return float(np.abs(np.bincount(place, right - confidence)).sum() / len(right))
