"""The text of captions, and the size of their letters."""

import numpy as np
import pytest
from support.sizes import DEAD, UNDECIDED

from ca.evaluate.captions import MIN_LETTERS, caption_letters, majorities
from ca.sizes import DIGIT_NAMES


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([3, 3, 3, 1, DEAD, DEAD], "3 (75%)"),
        ([UNDECIDED, UNDECIDED, 5, DEAD], "5 (33%)"),
        ([UNDECIDED, DEAD], "none"),
        ([DEAD], "none"),
    ],
)
def test_majority_is_of_the_alive_cells(cells: list[int], expected: str) -> None:
    indices = np.array([[cells]], dtype=np.uint8)
    assert majorities(indices, np.zeros(indices.shape, dtype=np.int64), 1, DIGIT_NAMES) == [expected]


def test_majority_is_of_the_digits_own_cells() -> None:
    indices = np.array([[[1, 1, 2, DEAD, 2, 9]]], dtype=np.uint8)
    owner = np.array([[[2, 2, 2, -1, 0, 0]]])
    assert majorities(indices, owner, 4, DIGIT_NAMES) == ["2 (50%)", "none", "1 (67%)", "none"]


def test_unreadable_captions_have_no_letters() -> None:
    assert caption_letters(28) == 0
    sizes = [caption_letters(width) for width in range(1, 400)]
    assert sizes == sorted(sizes)
    assert min(size for size in sizes if size) == MIN_LETTERS
