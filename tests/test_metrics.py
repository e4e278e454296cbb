"""The metrics: examples worked by hand, and loops that share no code with them."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import seeded
from torch import Tensor

from ca.metrics import agreement, cell_accuracy, confusion, count_votes, digit_accuracy


def votes_of(*digits: dict[int, int]) -> Tensor:
    """Votes (digits, 10), written as class: cells."""
    votes = torch.zeros(len(digits), 10, dtype=torch.int64)
    for row, digit in enumerate(digits):
        for index, cells in digit.items():
            votes[row, index] = cells
    return votes


# Votes that are often none, one-sided or tied, as random ones seldom are.
vote_rows = st.one_of(
    st.just([0] * 10),
    st.tuples(st.integers(0, 9), st.integers(1, 5)).map(lambda c: [c[1] * (i == c[0]) for i in range(10)]),
    st.lists(st.integers(0, 3), min_size=10, max_size=10),
)
elections = st.lists(st.tuples(vote_rows, st.integers(0, 9)), min_size=1, max_size=6)
Elections = list[tuple[list[int], int]]


def tensors(elections: Elections) -> tuple[Tensor, Tensor]:
    votes, labels = zip(*elections, strict=True)
    return torch.tensor(votes), torch.tensor(labels)


def test_an_example_worked_by_hand() -> None:
    votes = votes_of({3: 8, 5: 2}, {7: 5}, {1: 4, 2: 6}, {})
    labels = torch.tensor([3, 7, 1, 0])
    assert cell_accuracy(votes, labels).item() == 17 / 25
    assert agreement(votes).item() == 1 / 4
    assert digit_accuracy(votes, labels).item() == 2 / 4


def test_all_cells_weigh_alike_in_cell_accuracy() -> None:
    """Not a mean of each digit's share, which would be a half."""
    assert cell_accuracy(votes_of({0: 99}, {1: 1}), torch.tensor([0, 0])).item() == 0.99


def test_agreement_does_not_ask_whether_the_class_is_right() -> None:
    votes = votes_of({4: 9})
    assert agreement(votes).item() == 1
    assert digit_accuracy(votes, torch.tensor([5])).item() == 0


def test_a_digit_without_alive_cells_neither_agrees_nor_is_right() -> None:
    votes = votes_of({})
    for label in range(10):
        labels = torch.tensor([label])
        assert agreement(votes).item() == 0
        assert digit_accuracy(votes, labels).item() == 0
        assert cell_accuracy(votes, labels).item() == 0


@given(elections=elections)
def test_cell_accuracy_is_the_share_of_right_cells(elections: Elections) -> None:
    right = sum(votes[label] for votes, label in elections)
    cells = sum(sum(votes) for votes, _ in elections)
    expected = Fraction(right, cells) if cells else 0
    assert cell_accuracy(*tensors(elections)).item() == pytest.approx(float(expected), abs=1e-15)


@given(elections=elections)
def test_agreement_is_the_share_of_digits_of_one_voice(elections: Elections) -> None:
    unanimous = sum(sum(cells > 0 for cells in votes) == 1 for votes, _ in elections)
    assert agreement(tensors(elections)[0]).item() == pytest.approx(unanimous / len(elections), abs=1e-15)


@given(elections=elections)
def test_digit_accuracy_is_the_share_of_digits_won_by_their_label(elections: Elections) -> None:
    """Of classes with as many votes, the lowest wins."""
    won = 0
    for votes, label in elections:
        others = [(cells, -index) for index, cells in enumerate(votes) if index != label]
        won += votes[label] > 0 and all((votes[label], -label) > other for other in others)
    assert digit_accuracy(*tensors(elections)).item() == pytest.approx(won / len(elections), abs=1e-15)


@given(seed=st.integers(0, 2**32), cells=st.integers(0, 30), num_digits=st.integers(1, 5))
def test_votes_count_each_cell_s_largest_output(seed: int, cells: int, num_digits: int) -> None:
    values = torch.randn(cells, 10, generator=seeded(seed))
    digit = torch.randint(num_digits, (cells,), generator=seeded(seed + 1))
    expected = np.zeros((num_digits, 10), dtype=np.int64)
    for cell, owner in zip(values.tolist(), digit.tolist(), strict=True):
        expected[owner, cell.index(max(cell))] += 1
    votes = count_votes(values, digit, num_digits)
    assert votes.dtype == torch.int64
    assert votes.tolist() == expected.tolist()


def test_votes_have_a_row_for_a_last_digit_without_cells() -> None:
    votes = count_votes(torch.eye(10)[[2, 2]], torch.tensor([0, 0]), 3)
    assert torch.equal(votes, votes_of({2: 2}, {}, {}))


def test_the_metrics_of_many_ticks_are_those_of_each() -> None:
    votes = torch.randint(4, (2, 3, 5, 10), generator=seeded(1))
    labels = torch.randint(10, (2, 3, 5), generator=seeded(2))
    for metric in (cell_accuracy, digit_accuracy):
        together = metric(votes, labels)
        assert together.shape == (2, 3)
        assert together.dtype == torch.float64
        for stage, tick in np.ndindex(2, 3):
            assert together[stage, tick] == metric(votes[stage, tick], labels[stage, tick])
    assert agreement(votes).tolist() == [[agreement(tick).item() for tick in stage] for stage in votes]


@given(elections)
def test_confusion_equals_a_loop_over_the_digits(elections: Elections) -> None:
    counts = [[0] * 10 for _ in range(10)]
    for votes, label in elections:
        if any(votes):
            counts[label][votes.index(max(votes))] += 1
    assert confusion(*tensors(elections)).tolist() == counts
