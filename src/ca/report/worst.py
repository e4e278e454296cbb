"""A gallery of the digits that an automaton is worst at."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ca.cells import DEAD, Indices
from ca.metrics import agreeing
from ca.render.figures import PRINT_DPI, class_legend, plain_text, save_figure
from ca.render.pictures import cell_tiles, mosaic, paint

COLUMNS, ROWS = 8, 2  # of each kind that are shown
CAPTION = 5  # cells of room above a digit


def never_agreed(votes: Tensor) -> Tensor:
    """Digits whose cells did not agree after any tick; the most divided after the last tick come first.

    Args:
        votes: (ticks, digits, 10)

    Returns:
        (found,) int64 numbers of digits; those that are equally divided in their own order
    """
    cells = votes[-1].sum(-1)
    found = ((cells > 0) & ~agreeing(votes).any(0)).nonzero()[:, 0]
    return found[(votes[-1, found].amax(-1) / cells[found]).argsort(stable=True)]


def agreed_on_wrong(votes: Tensor, labels: Tensor) -> Tensor:
    """Digits whose cells agree on a wrong class after the last tick; those that did longest come first.

    Args:
        votes: (ticks, digits, 10)
        labels: (digits,)

    Returns:
        (found,) int64 numbers of digits; those that did equally long in their own order
    """
    wrong = agreeing(votes) & (votes.argmax(-1) != labels)
    found = wrong[-1].nonzero()[:, 0]
    return found[wrong[:, found].sum(0).argsort(descending=True, stable=True)]


def draw_worst(votes: Tensor, labels: Tensor, last_cells: Indices, *, name: str, path: Path) -> None:
    """Both kinds of digits, their cells coloured by class, captioned with their votes.

    Args:
        votes: (ticks, digits, 10)
        labels: (digits,)
        last_cells: (digits, height, width) palette indices after the last tick
        name: the checkpoint's
    """
    ticks, digits = votes.shape[:2]
    divided, wrong = never_agreed(votes), agreed_on_wrong(votes, labels)
    figure = Figure(figsize=(9, 6.4), dpi=PRINT_DPI, layout="constrained")
    figure.suptitle(f"{plain_text(name)}, tick {ticks}", fontsize="medium")
    above, beneath = figure.subplots(2, 1)
    for axes, found, what in (
        (above, divided, f"never agreed in {ticks} ticks, the most divided first"),
        (beneath, wrong, "agree on a wrong class, those that did longest first"),
    ):
        shown = found[: ROWS * COLUMNS]
        axes.set_title(f"{len(found):,} of {digits:,} digits {what}", fontsize="medium")
        _draw_digits(axes, votes[-1, shown], labels[shown], last_cells[shown.numpy()])
    class_legend(figure, "above each digit: label → most common class: how many of its cells say so")
    save_figure(figure, path)


def _draw_digits(axes: Axes, votes: Tensor, labels: Tensor, cells: Indices) -> None:
    """A mosaic of digits, each with its label, most common class and votes above it."""
    framed = np.pad(cells, ((0, 0), (CAPTION, 0), (1, 1)), constant_values=DEAD)
    height, width = framed.shape[1:]
    axes.imshow(
        mosaic(paint(framed, cell_tiles(8, annotated=False)), ROWS, COLUMNS),
        extent=(0, COLUMNS * width, ROWS * height, 0),
    )
    for number, (of_digit, label) in enumerate(zip(votes, labels.tolist(), strict=True)):
        row, column = divmod(number, COLUMNS)
        text = f"{label} → {of_digit.argmax()}: {of_digit.max()} of {of_digit.sum()}"
        axes.text((column + 0.5) * width, row * height + CAPTION, text, ha="center", va="bottom", fontsize=8)
    axes.axis("off")
