"""Digits are found whole and in reading order, and dirt is not."""

import numpy as np
import pytest

from ca.photo.digits import MAX_PARTS, Found, find_digits
from ca.system.errors import FailedError

Box = tuple[int, int, int, int]  # top, left, height, width


def page(*boxes: Box, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A page with filled boxes."""
    mask = np.zeros(size, dtype=bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


def boxes_of(found: list[Found]) -> list[Box]:
    return [(digit.top, digit.left, *digit.mask.shape) for digit in found]


FIRST, SECOND, THIRD = (50, 40, 60, 30), (54, 100, 55, 40), (45, 180, 62, 25)


def test_a_page_is_read_line_by_line_from_left_to_right() -> None:
    below: list[Box] = [(160, 30, 60, 30), (150, 200, 60, 30), (165, 110, 50, 30)]
    found = find_digits(page(THIRD, *below, FIRST, SECOND))
    assert boxes_of(found) == [FIRST, SECOND, THIRD, below[0], below[2], below[1]]
    assert [digit.line for digit in found] == [1, 1, 1, 2, 2, 2]


def test_a_line_that_climbs_is_one_line() -> None:
    """By 8 degrees: its end is higher than the start of the line above."""
    slope = [(round(150 - 0.14 * left), left, 40, 20) for left in range(30, 370, 60)]
    above = [(round(80 - 0.14 * left), left, 40, 20) for left in range(30, 370, 60)]
    found = find_digits(page(*slope, *above))
    assert boxes_of(found) == [*above, *slope]


def test_the_mask_of_a_digit_is_its_ink_without_that_of_others() -> None:
    ring = page((50, 50, 80, 80)) & ~page((60, 60, 60, 60))
    (found,) = find_digits(ring | page((85, 88, 4, 3)))
    assert found.mask.sum() == ring.sum()


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ((42, 60, 6, 40), (42, 40, 68, 60)),  # the bar of a 5, not quite on it
        ((125, 38, 6, 34), (50, 38, 81, 34)),  # a piece below, farther away
        ((75, 73, 8, 20), (50, 40, 60, 53)),  # the bar of a 4
    ],
)
def test_parts_are_joined(part: Box, whole: Box) -> None:
    neighbour = (50, 150, 60, 30)
    assert boxes_of(find_digits(page(FIRST, part, neighbour))) == [whole, neighbour]


def test_digits_that_are_close_are_not_joined() -> None:
    close = [(50, 40, 60, 10), (50, 53, 60, 10), (113, 40, 60, 10)]
    assert len(find_digits(page(*close))) == 3


@pytest.mark.parametrize(
    "dirt",
    [
        (200, 100, 2, 3),  # a speck
        (200, 100, 20, 15),  # a comma
        (200, 20, 2, 360),  # a line
        (0, 210, 40, 30),  # what the edge of the image cuts
        (10, 350, 170, 30),  # an object
    ],
)
def test_dirt_is_left_out(dirt: Box) -> None:
    third = (50, 260, 60, 30)
    assert boxes_of(find_digits(page(FIRST, SECOND, third, dirt))) == [FIRST, SECOND, third]


def test_a_digit_that_fills_its_image_is_found() -> None:
    assert boxes_of(find_digits(page((0, 0, 28, 20), size=(28, 20)))) == [(0, 0, 28, 20)]


def test_without_digits_there_are_none() -> None:
    assert find_digits(page()) == []
    assert find_digits(page((50, 50, 5, 5))) == []


def test_a_picture_of_something_else_is_refused() -> None:
    spots = np.zeros((600, 600), dtype=bool)
    for y, x in np.ndindex(3, 3):
        spots[4 + y :: 15, 4 + x :: 15] = True
    spots[:100] = False
    spots[20:29, 20:29] = True
    with pytest.raises(FailedError, match=f"more than {MAX_PARTS} spots of ink"):
        find_digits(spots)
