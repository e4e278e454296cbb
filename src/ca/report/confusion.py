"""The confusion matrix of a checkpoint, as a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ca.cells import NUM_CLASSES
from ca.render.figures import PRINT_DPI, percent, plain_text, save_figure

LEAST_SCALE = 0.01  # of a row: a single error must not look like a calamity


def draw_confusion(confusion: Sequence[Sequence[int]], name: str, *, tick: int, path: Path) -> None:
    """Counts in all cells, colours for the errors alone: nearly all digits are on the diagonal.

    Args:
        confusion: (10, 10) digits of each label (row) by their most common class (column)
        name: the checkpoint's
        tick: the one after which they were counted
    """
    counts = np.array(confusion)
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    errors = np.ma.masked_array(shares, np.eye(NUM_CLASSES, dtype=bool))
    most = max(LEAST_SCALE, errors.max())
    figure = Figure(figsize=(6.4, 5.6), dpi=PRINT_DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("gainsboro")
    image = axes.imshow(errors, cmap="Oranges", vmin=0, vmax=most)
    for (label, common), count in np.ndenumerate(counts):
        if count:
            ink = "white" if label != common and shares[label, common] > 0.6 * most else "black"
            axes.text(common, label, f"{count:,}", color=ink, ha="center", va="center", fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(NUM_CLASSES))
        axis.set_ticks(np.arange(1, NUM_CLASSES) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("most common class of the cells")
    axes.set_ylabel("label")
    digits = counts.sum()
    wrong = digits - counts.trace()
    axes.set_title(
        f"{plain_text(name)}\ntick {tick}: {wrong:,} of {digits:,} digits wrong", fontsize="medium"
    )
    bar = figure.colorbar(image, format=percent, shrink=0.8)
    bar.set_label("errors (share of the label's digits)")
    bar.outline.set_visible(False)
    save_figure(figure, path)
