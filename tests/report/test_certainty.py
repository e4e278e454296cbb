"""Certainty against its definitions: all pairs of digits, sorted digits, bins that are filled one by one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ca.report.certainty import calibration_error, certainties, certainty, first_agreement, vote_shares
from ca.report.coverage import draw_coverage

digits = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=25)
Digits = list[tuple[int, bool]]


def arrays_of(digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    measured, right = zip(*digits, strict=True)
    return np.array(measured), np.array(right)


@given(digits)
def test_roc_area_is_the_share_of_pairs_in_order(digits: Digits) -> None:
    right = [measured for measured, is_right in digits if is_right]
    wrong = [measured for measured, is_right in digits if not is_right]
    pairs = [(a > b) + (a == b) / 2 for a in right for b in wrong]
    expected = sum(pairs) / len(pairs) if pairs else None
    found = certainty(*arrays_of(digits)).roc_area
    assert found == (None if expected is None else pytest.approx(expected))
    turned = certainty(*arrays_of(digits), lowest_is_surest=True).roc_area
    assert turned == (None if expected is None else pytest.approx(1 - expected))


@given(digits)
def test_accuracy_of_those_that_are_at_least_so_sure(digits: Digits) -> None:
    found = certainty(*arrays_of(digits))
    assert found.thresholds == sorted({measured for measured, _ in digits}, reverse=True)
    for threshold, number, right in zip(found.thresholds, found.digits, found.right, strict=True):
        chosen = [is_right for measured, is_right in digits if measured >= threshold]
        assert (number, right) == (len(chosen), sum(chosen))
        assert found.accuracy_at(number / len(digits)) == pytest.approx(right / number)


def test_half_of_the_digits_that_are_equally_sure() -> None:
    """Of the surest three, one is the surest and right; the others are two of four, of which one is right."""
    found = certainty(np.array([5, 9, 9, 9, 9]), np.array([1, 1, 0, 0, 0], dtype=bool), lowest_is_surest=True)
    assert found.accuracy_at(3 / 5) == pytest.approx((1 + 2 * 1 / 4) / 3)


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=40))
def test_calibration_error_is_that_of_fifteen_bins(digits: Digits) -> None:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sixtieths, right in digits:
        bins.setdefault(min(sixtieths // 4, 14), []).append((sixtieths / 60, right))
    expected = 0.0
    for found in bins.values():
        confidence, accuracy = (sum(column) / len(found) for column in zip(*found, strict=True))
        expected += len(found) / len(digits) * abs(confidence - accuracy)
    measured, right = arrays_of(digits)
    # The middle of a sixtieth is clear of the bins' ends, where rounding decides.
    assert calibration_error(measured / 60 + 1e-9 * (measured < 60), right) == pytest.approx(
        expected, abs=1e-7
    )


def test_first_tick_of_agreement_and_share_of_votes() -> None:
    votes = torch.zeros(3, 4, 10, dtype=torch.int32)
    votes[:, 0, 3] = 5  # from the first tick on
    votes[:, 1, 1], votes[0, 1, 2] = torch.tensor([2, 3, 3]), 1  # from the second on
    votes[:, 2, 4], votes[:, 2, 6] = 3, 1  # never
    assert first_agreement(votes).tolist() == [1, 2, 4, 4], "the last digit has no cells"
    assert vote_shares(votes[-1]).tolist() == [1, 1, 0.75, 0]
    found = certainties(votes, torch.tensor([3, 9, 4, 0]))
    assert found["first_agreement"].thresholds == [1, 2, 4]
    assert found["first_agreement"].right == [1, 1, 2]
    assert found["votes"].digits == [2, 3, 4]
    assert found["votes"].calibration_error == pytest.approx((1 + 0.25) / 4)


def test_figure_has_a_line_for_each_measure(tmp_path: Path) -> None:
    def colours_with(*names: str) -> int:
        measures = {
            "first_agreement": certainty(np.arange(30), np.arange(30) < 27, lowest_is_surest=True),
            "votes": certainty(np.arange(30), np.arange(30) % 4 > 0),
        }
        draw_coverage(dict.fromkeys(names, measures), 200, path=tmp_path / "coverage.png")
        with Image.open(tmp_path / "coverage.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        return sum(bool((abs(pixels - colour).sum(-1) < 8).any()) for colour in ((0, 114, 178), (213, 94, 0)))

    assert colours_with("one") == 1
    assert colours_with("one", "two") == 2
