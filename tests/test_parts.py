"""Parts of digits against a flood fill, and what is said about them against a loop over the digits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from support.helpers import seeded

from ca.metrics import agreement_within_parts, in_parts, largest_part_agreement
from ca.parts import number_parts, part_votes

Masks = NDArray[np.bool_]

shapes = st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(1, 6))
masks = shapes.flatmap(lambda shape: arrays(np.bool_, shape, elements=st.booleans(), fill=st.nothing()))


def flood_fill(living: Masks) -> list[set[tuple[int, int]]]:
    """Parts of one digit (height, width), in the order of their first cells."""
    left = [(int(y), int(x)) for y, x in np.argwhere(living)]
    parts = []
    while left:
        part, waiting = set(), [left[0]]
        while waiting:
            y, x = waiting.pop()
            if (y, x) in left:
                left.remove((y, x))
                part.add((y, x))
                waiting += [(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        parts.append(part)
    return parts


@given(masks)
def test_parts_are_those_of_a_flood_fill(living: Masks) -> None:
    found = number_parts(living)
    expected = np.full(living.shape, -1)
    for number, digit in enumerate(living):
        for index, part in enumerate(flood_fill(digit)):
            for y, x in part:
                expected[number, y, x] = index
    assert found.tolist() == expected.tolist()


@given(masks.filter(len), st.integers(0, 2**32))
def test_what_is_said_about_parts_is_true_of_each_digit(living: Masks, seed: int) -> None:
    classes = torch.randint(2, living.shape, generator=seeded(seed))
    outputs = torch.nn.functional.one_hot(classes, 10)[torch.from_numpy(living)].float()
    votes = part_votes(torch.from_numpy(living), outputs)

    within, largest, divided = 0, 0, []
    for digit, chosen in zip(living, classes.numpy(), strict=True):
        parts = flood_fill(digit)
        agree = [len({chosen[place] for place in part}) == 1 for part in parts]
        within += bool(parts) and all(agree)
        largest += bool(parts) and agree[max(range(len(parts)), key=lambda n: (len(parts[n]), -n))]
        divided.append(len(parts) > 1)
    assert votes.sum((1, 2)).tolist() == living.sum((1, 2)).tolist()
    assert agreement_within_parts(votes).item() == pytest.approx(within / len(living))
    assert largest_part_agreement(votes).item() == pytest.approx(largest / len(living))
    assert in_parts(votes).tolist() == divided


def test_a_digit_with_a_speck_that_guesses() -> None:
    """Its cells disagree, its parts don't; the last digit has a divided stroke and a speck."""
    living = torch.zeros(3, 3, 5, dtype=torch.bool)
    living[:, :, :2] = True
    living[1:, 1, 4] = True
    chosen = torch.full((3, 3, 5), 7)
    chosen[1, 1, 4] = 1
    chosen[2, 0, 0] = 2
    votes = part_votes(living, torch.nn.functional.one_hot(chosen, 10)[living].float())
    assert votes[1].nonzero().tolist() == [[0, 7], [1, 1]]
    assert in_parts(votes).tolist() == [False, True, True]
    assert agreement_within_parts(votes).item() == pytest.approx(2 / 3)
    assert largest_part_agreement(votes).item() == pytest.approx(2 / 3)


def test_diagonal_neighbours_are_joined_and_digits_are_not() -> None:
    """The last cell of a digit and the first of the next one would be neighbours in memory."""
    assert number_parts(np.array([[[1, 0], [0, 1]]], dtype=bool)).max() == 0
    assert number_parts(np.ones((3, 2, 2), dtype=bool)).tolist() == [[[0, 0], [0, 0]]] * 3
