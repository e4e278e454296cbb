"""Finding the digits of a page of ink: their parts, and the order in which they are read."""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.measure import label, regionprops

from ca.photo.ink import Mask
from ca.system.errors import FailedError

MAX_PARTS = 1_000  # more take long, and are a picture of something else
LEAST_HEIGHT = 8  # pixels; less can't be read
# Shares of the height of the page's digits:
SPECK = 0.4  # what is lower is no digit
DOT = 0.05  # side of the square that has less ink than any part of a digit
TOO_LARGE = 2.5  # a longer part is a line, an edge or a drawing
TALLEST = 1.4  # parts that together are taller are several digits
PART = 0.7  # a lower part may belong to another one
JOIN, JOIN_ABOVE = 0.3, 0.35  # the widest gap between parts of a digit side by side, and above each other
NEXT = 6.0  # the next digit of a line is not farther away
SAME_LINE, SLOPE = 0.5, 0.15  # nor farther up or down, at once and per distance


@dataclass(frozen=True)
class Found:
    """A digit on the page. Lengths are in pixels.

    Attributes:
        top, left: of its box
        mask: (height, width) its ink within the box
        line: its line on the page, from 1 on
    """

    top: int
    left: int
    mask: Mask
    line: int = 0

    @property
    def height(self) -> int:
        """Height of the box."""
        return self.mask.shape[0]

    @property
    def width(self) -> int:
        """Width of the box."""
        return self.mask.shape[1]

    @property
    def middle(self) -> tuple[float, float]:
        """(y, x) of the middle of the box."""
        return self.top + self.height / 2, self.left + self.width / 2


def find_digits(mask: Mask) -> list[Found]:
    """The digits of a page, line by line, each from left to right; parts that touch the edge are left out.

    Args:
        mask: (height, width) where there is ink

    Raises:
        FailedError: there are too many spots of ink
    """
    parts = [
        Found(part.bbox[0], part.bbox[1], part.image)
        for part in regionprops(label(mask, connectivity=2))
        if part.bbox[2] - part.bbox[0] > 1 or part.bbox[3] - part.bbox[1] > 1
    ]
    inside = [part for part in parts if not _touches_edge(part, mask.shape)]
    tall = [part for part in inside if part.height >= LEAST_HEIGHT]
    if not tall:  # a digit that fills its image
        inside = parts
        tall = [part for part in parts if part.height >= LEAST_HEIGHT]
    if not tall:
        return []
    height = _usual_height(tall)
    clean = [part for part in inside if not _is_dirt(part, height)]
    if len(clean) > MAX_PARTS:
        raise FailedError(f"there are more than {MAX_PARTS} spots of ink: this is no page of digits")
    digits = [
        _merged(parts)
        for parts in _joined(clean, height)
        if max(part.height for part in parts) >= max(LEAST_HEIGHT, SPECK * height)
    ]
    return _in_reading_order(digits, height)


def _touches_edge(part: Found, shape: tuple[int, ...]) -> bool:
    bottom, right = part.top + part.height, part.left + part.width
    return part.top == 0 or part.left == 0 or bottom == shape[0] or right == shape[1]


def _usual_height(parts: list[Found]) -> float:
    """The median of the heights, weighted by themselves, so that many specks count little."""
    heights = np.sort([part.height for part in parts])
    sums = heights.cumsum()
    return float(heights[np.searchsorted(sums, sums[-1] / 2)])


def _is_dirt(part: Found, height: float) -> bool:
    return max(part.height, part.width) > TOO_LARGE * height or part.mask.sum() < (DOT * height) ** 2


def _joined(parts: list[Found], height: float) -> list[list[Found]]:
    """The parts of each digit: low ones, such as the bar of a 5, are with the nearest ones."""
    edges = [np.add(np.argwhere(_outline(part.mask)), (part.top, part.left)) for part in parts]
    trees = [KDTree(edge) for edge in edges]
    pairs = []
    for one, other in combinations(range(len(parts)), 2):
        if min(parts[one].height, parts[other].height) < PART * height:
            limit = height * (JOIN_ABOVE if _are_above_each_other(parts[one], parts[other]) else JOIN)
            if _box_gap(parts[one], parts[other]) <= limit:
                gap = float(trees[one].query(edges[other])[0].min())
                pairs += [(gap, one, other)] if gap <= limit else []
    groups = {index: [part] for index, part in enumerate(parts)}
    owner = list(range(len(parts)))
    for _, one, other in sorted(pairs):
        first, second = owner[one], owner[other]
        if first != second and _merged(groups[first] + groups[second]).height <= TALLEST * height:
            groups[first] += groups.pop(second)
            owner = [first if index == second else index for index in owner]
    return list(groups.values())


def _outline(mask: Mask) -> Mask:
    return mask & ~ndimage.binary_erosion(mask)


def _gaps(one: Found, other: Found) -> tuple[int, int]:
    """Rows and columns between two boxes; negative where they overlap."""
    rows = max(one.top, other.top) - min(one.top + one.height, other.top + other.height)
    columns = max(one.left, other.left) - min(one.left + one.width, other.left + other.width)
    return rows, columns


def _box_gap(one: Found, other: Found) -> int:
    return max(_gaps(one, other))


def _are_above_each_other(one: Found, other: Found) -> bool:
    return -_gaps(one, other)[1] > min(one.width, other.width) / 2


def _merged(parts: list[Found]) -> Found:
    top, left = min(part.top for part in parts), min(part.left for part in parts)
    bottom = max(part.top + part.height for part in parts)
    right = max(part.left + part.width for part in parts)
    mask = np.zeros((bottom - top, right - left), dtype=bool)
    for part in parts:
        y, x = part.top - top, part.left - left
        mask[y : y + part.height, x : x + part.width] |= part.mask
    return Found(top, left, mask)


def _in_reading_order(digits: list[Found], height: float) -> list[Found]:
    """Lines from top to bottom; a line is a chain in which each digit has the next one on its right."""
    line_of = list(range(len(digits)))
    for number, digit in enumerate(digits):
        nexts = [other for other in range(len(digits)) if _follows(digits[other], digit, height)]
        if nexts:
            nearest = min(nexts, key=lambda other: digits[other].left)
            line_of = [line_of[number] if line == line_of[nearest] else line for line in line_of]
    lines: dict[int, list[Found]] = {}
    for digit, line in zip(digits, line_of, strict=True):
        lines.setdefault(line, []).append(digit)
    ordered = sorted(lines.values(), key=lambda line: np.mean([digit.middle[0] for digit in line]))
    return [
        replace(digit, line=number)
        for number, line in enumerate(ordered, start=1)
        for digit in sorted(line, key=lambda digit: digit.left)
    ]


def _follows(digit: Found, before: Found, height: float) -> bool:
    y, x = digit.middle[0] - before.middle[0], digit.middle[1] - before.middle[1]
    return 0 < x < NEXT * height and abs(y) < SAME_LINE * height + SLOPE * x
