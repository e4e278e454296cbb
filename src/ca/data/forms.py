"""The forms of digits as control points of their strokes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ca.data.strokes import STROKES


@dataclass(frozen=True)
class Form:
    """One way to write a digit. A sharp corner is two equal points, one after the other.

    Attributes:
        label: class of the digit
        name: for people, such as "with flag"
        weight: how common the form is among those of its digit
        least: (points, 2) control points at one end of what varies; the digit is about 1 high
        most: (points, 2) control points at the other end
        strokes: (points,) the stroke that each point belongs to, from 0
    """

    label: int
    name: str
    weight: float
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    strokes: NDArray[np.int64]


def _form(label: int, weight: float, name: str, text: str) -> Form:
    least, most, strokes = [], [], []
    for number, stroke in enumerate(text.split("|")):
        for word in stroke.split():
            x_and_y = word.rstrip("*").split(",")
            ends = [[float(value) / 100 for value in varied.split("~")] for varied in x_and_y]
            for _ in range(2 if word.endswith("*") else 1):
                least.append([end[0] for end in ends])
                most.append([end[-1] for end in ends])
                strokes.append(number)
    return Form(label, name, weight, np.array(least), np.array(most), np.array(strokes))


FORMS = [_form(label, *described) for label, forms in STROKES.items() for described in forms]
