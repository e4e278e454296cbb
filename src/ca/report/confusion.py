"""A figure of the confusion matrix of a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ca.render.figures import PRINT_DPI, own_style, percent, plain_text, save_figure
from ca.sizes import DIGIT_NAMES

CELL, MANY = 0.2, 20  # inches along a class where there are many; so many have smaller numbers
MIN_DARKEST = 10  # digits: fewer equal errors never get the darkest colour
ORANGES = ListedColormap(colormaps["Oranges"](np.linspace(0, 0.7, 256)))  # black text is legible on all


@own_style
def draw_confusion(
    confusion: Sequence[Sequence[int]],
    name: str,
    *,
    tick: int,
    path: Path,
    names: Sequence[str] = DIGIT_NAMES,
) -> None:
    """Draw the counts, and the errors in colour; the diagonal, with nearly all digits, has none.

    The darkest colour stands for the largest share of a label's digits, but for no fewer than 10 digits.

    Args:
        confusion: (classes, classes) digits of each label (row) by their most common class (column)
        name: name of the checkpoint
        tick: tick after which the classes were counted
        names: of the classes
    """
    counts = np.array(confusion)
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    errors = np.ma.masked_array(shares, np.eye(len(counts), dtype=bool))
    digits_per_label = max(1, np.median(counts.sum(1)))
    darkest = max(errors.max(), min(1, MIN_DARKEST / digits_per_label))
    side = max(5.6, CELL * len(counts) + 1.6)  # inches
    figure = Figure(figsize=(side + 0.8, side), dpi=PRINT_DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("gainsboro")
    image = axes.imshow(errors, cmap=ORANGES, vmin=0, vmax=darkest)
    size = 8 if len(counts) <= MANY else 5
    for (label, common), count in np.ndenumerate(counts):
        if count:
            axes.text(
                common,
                label,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=size,
            )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(len(counts)), [plain_text(each) for each in names])
        axis.set_ticks(np.arange(1, len(counts)) - 0.5, minor=True)
    if max(map(len, names)) > 2:
        axes.tick_params(axis="x", rotation=90)
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
