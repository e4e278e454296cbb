"""Figures of a training run: the history of the loss, and pictures of batches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from ca.cells import Indices
from ca.protocol import METRICS
from ca.render.figures import COLOURS, class_legend, own_style, percent, plain_axes, save_figure
from ca.render.palette import palette_of
from ca.render.pictures import cell_tiles, mosaic, paint
from ca.settings.choices import DEFAULT_COLOURS

MEDIAN_SHARE = 0.02  # of the points so far: the window of the running median


@own_style
def draw_loss_history(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the loss on a logarithmic axis, points and a running median; below it scores and learning rate.

    The scores are those of the digits held out; without any they have no panel.
    """
    step, loss, rate = (np.array([row[name] for row in rows]) for name in ("step", "loss", "rate"))
    scored = [row for row in rows if f"held_out_{METRICS[0]}" in row]
    figure = Figure(figsize=(8, 7.5 if scored else 5.5), layout="constrained")
    ratios = [4, 2.5, 1] if scored else [4, 1]
    upper, *middle, lower = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    for axes in middle:
        _draw_scores(axes, scored)
    upper.plot(step, loss, ".", markersize=5, alpha=0.3, color="tab:blue", markeredgewidth=0, label="loss")
    upper.plot(step, _running_median(loss), color="tab:red", linewidth=1.8, label="running median")
    upper.set_yscale("log")
    for axis_formatter in (upper.yaxis.set_major_formatter, upper.yaxis.set_minor_formatter):
        axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    upper.set_ylabel("loss")
    upper.set_title("Training loss")
    upper.legend(frameon=False)
    lower.plot(step, rate, color="tab:green", linewidth=1.5)
    lower.set_ylabel("learning rate")
    lower.set_xlabel("step")
    lower.set_ylim(bottom=0)
    lower.ticklabel_format(axis="y", scilimits=(-2, 3))
    for axes in (upper, *middle, lower):
        plain_axes(axes)
    save_figure(figure, path)


def _draw_scores(axes: Axes, rows: list[dict[str, Any]]) -> None:
    step = [row["step"] for row in rows]
    for name, colour in zip(METRICS, COLOURS, strict=False):
        shares = [row[f"held_out_{name}"] for row in rows]
        axes.plot(step, shares, ".-", color=colour, linewidth=1.2, label=name.replace("_", " "))
    axes.yaxis.set_major_formatter(percent)
    axes.set_ylabel("held-out digits")
    axes.legend(frameon=False, loc="lower right")


def _running_median(values: np.ndarray) -> np.ndarray:
    half = max(5, round(len(values) * MEDIAN_SHARE / 2))
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


@own_style
def draw_batch(
    before: Indices, after: Indices, *, names: Sequence[str], step: int, ticks: int, path: Path
) -> None:
    """Draw the cells of a batch before and after its ticks, both (batch, height, width) palette indices."""
    palette = palette_of(DEFAULT_COLOURS, len(names))
    tiles = cell_tiles(palette, 3, annotated=False)
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
    class_legend(figure, palette, names)
    save_figure(figure, path)
