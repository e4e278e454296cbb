"""The brush in Python; `tests/page/web/test_brush.py` compares it with the page's."""

import numpy as np
import pytest
from support.strokes import some_strokes

from ca.data.brush import draw, draw_boards

SIDE = 40


@pytest.mark.parametrize("diameter", [1.0, 2.5, 5.0])
def test_a_straight_stroke_is_as_wide_as_the_brush(diameter: float) -> None:
    ink = draw([np.array([[10.3, 20.7], [35.0, 20.7]])], diameter, SIDE)
    assert ink[:, 25].sum() / 255 == pytest.approx(diameter, abs=0.01)


def test_boards_are_drawn_each_for_itself() -> None:
    drawings = [some_strokes(seed, SIDE) for seed in range(12)]
    diameters = np.linspace(1, 5, 12)
    strokes = [stroke for drawing in drawings for stroke in drawing]
    sizes = [len(stroke) for stroke in strokes]
    owners = np.repeat(np.arange(12), [len(drawing) for drawing in drawings])
    together = draw_boards(
        np.concatenate(strokes),
        np.repeat(np.arange(len(strokes)), sizes),
        np.repeat(owners, sizes),
        diameters,
        SIDE,
    )
    for ink, drawing, diameter in zip(together, drawings, diameters, strict=True):
        assert np.array_equal(ink, draw(drawing, diameter, SIDE))
