"""The figure of a sweep: which panels it has, and what they show."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import ca.sweep.figure
from ca.sweep.space import Space
from ca.sweep.table import Row

SMALL: dict[str, Any] = {"hidden": [40], "communication_channels": 3}
LARGE: dict[str, Any] = {"hidden": [128, 128]}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    monkeypatch.setattr(ca.sweep.figure, "save_figure", lambda figure, path: figures.append(figure))
    return figures


def row(point: dict[str, Any], parameters: int, *metrics: float) -> Row:
    results = [{"parameters": parameters, "held_out_cell_accuracy": metric} for metric in metrics]
    return Row(point=point, results=results)


def test_settings_that_make_an_architecture_are_one_panel(drawn: list[Figure]) -> None:
    space = Space(variants=[SMALL, LARGE], grid={"loss": ["l2", "cross-entropy"], "seed": [0, 1]})
    rows = [row(LARGE | {"loss": "l2"}, 42_131, 0.9, 0.8), row(SMALL | {"loss": "l2"}, 5_613, 0.5, 0.7)]
    ca.sweep.figure.draw_sweep(space, rows, Path("unused.png"))
    size, loss = (axes for axes in drawn[0].axes if axes.axison)
    assert (size.get_xlabel(), loss.get_xlabel()) == ("parameters", "loss")
    FigureCanvasAgg(drawn[0]).draw()
    labels = [label for label in size.get_xticklabels(which="both") if label.get_text()]
    assert {"10,000", "20,000"} <= {label.get_text() for label in labels}
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes)), "labels do not overlap"
    *points, means = size.lines
    assert (
        sorted(np.concatenate([line.get_xdata() for line in points]).tolist()) == [5_613] * 2 + [42_131] * 2
    )
    assert means.get_xdata() == pytest.approx([5_613, 42_131])
    assert means.get_ydata() == pytest.approx([0.6, 0.85])


def test_channels_that_are_tried_alone_have_a_panel(drawn: list[Figure]) -> None:
    space = Space(grid={"communication_channels": [3, 9]})
    rows = [row({"communication_channels": count}, 20_000 + count, 0.5) for count in (3, 9)]
    ca.sweep.figure.draw_sweep(space, rows, Path("unused.png"))
    assert [axes.get_xlabel() for axes in drawn[0].axes] == ["parameters", "communication-channels"]
