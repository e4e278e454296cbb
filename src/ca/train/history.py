"""What a training run leaves to look at: the loss-history figure, and pictures of batches."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from ca.cells import Indices
from ca.render.figures import class_legend, plain_axes, save_figure
from ca.render.pictures import cell_tiles, mosaic, paint

MEDIAN_SHARE = 0.02  # of the points so far go into a running median


def draw_loss_history(rows: list[dict[str, Any]], path: Path) -> None:
    """The loss on a log axis, raw points faint and a running median on top; the learning rate beneath."""
    step, loss, rate = (np.array([row[name] for row in rows]) for name in ("step", "loss", "rate"))
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    above, beneath = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    above.plot(step, loss, ".", markersize=5, alpha=0.3, color="tab:blue", markeredgewidth=0, label="loss")
    above.plot(step, _running_median(loss), color="tab:red", linewidth=1.8, label="running median")
    above.set_yscale("log")
    for axis_formatter in (above.yaxis.set_major_formatter, above.yaxis.set_minor_formatter):
        axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    above.set_ylabel("loss")
    above.set_title("Training loss")
    above.legend(frameon=False)
    beneath.plot(step, rate, color="tab:green", linewidth=1.5)
    beneath.set_ylabel("learning rate")
    beneath.set_xlabel("step")
    beneath.set_ylim(bottom=0)
    beneath.ticklabel_format(axis="y", scilimits=(-2, 3))
    for axes in (above, beneath):
        plain_axes(axes)
    save_figure(figure, path)


def _running_median(values: np.ndarray) -> np.ndarray:
    half = max(5, round(len(values) * MEDIAN_SHARE / 2))
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def draw_batch(before: Indices, after: Indices, *, step: int, ticks: int, path: Path) -> None:
    """A batch's cells before and after its ticks; both (batch, height, width) palette indices."""
    tiles = cell_tiles(3, annotated=False)
    columns = min(8, len(before))
    rows = -(-len(before) // columns)
    figure = Figure(figsize=(14, 0.9 + 0.85 * rows), layout="constrained")
    figure.suptitle(f"Step {step}")
    for axes, indices, title in zip(
        figure.subplots(1, 2), (before, after), ("before", f"after {ticks} ticks"), strict=True
    ):
        axes.imshow(mosaic(paint(indices, tiles), rows, columns), interpolation="nearest")
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
    class_legend(figure)
    save_figure(figure, path)
