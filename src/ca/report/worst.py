"""A figure of the digits that an automaton is worst at."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ca.cells import Indices, dead
from ca.metrics import agreeing
from ca.render.figures import PRINT_DPI, class_legend, own_style, plain_text, save_figure
from ca.render.palette import Palette
from ca.render.pictures import cell_tiles, mosaic, paint
from ca.sizes import DIGIT_NAMES

COLUMNS, MAX_ROWS = 8, 2  # of the digits of each kind
CAPTION = 5  # height of a caption in cells
WIDTH, TITLES, LEGEND, ROW = 9.0, 0.95, 0.5, 1.25  # sizes of the figure's parts in inches


def never_agreed(votes: Tensor) -> Tensor:
    """Digits whose cells did not all output the same class after any tick; the most divided ones first.

    A digit is the more divided, the fewer of its cells output its most common class after the last tick.

    Args:
        votes: (ticks, digits, classes)

    Returns:
        (found,) int64 numbers of digits; equally divided ones in ascending order
    """
    cells = votes[-1].sum(-1)
    found = ((cells > 0) & ~agreeing(votes).any(0)).nonzero()[:, 0]
    return found[(votes[-1, found].amax(-1) / cells[found]).argsort(stable=True)]


def agreed_on_wrong(votes: Tensor, labels: Tensor) -> Tensor:
    """Digits whose cells all output the same wrong class after the last tick.

    Args:
        votes: (ticks, digits, classes)
        labels: (digits,)

    Returns:
        (found,) int64 numbers of digits, by the number of ticks that they agreed on a wrong class, most first
    """
    wrong = agreeing(votes) & (votes.argmax(-1) != labels)
    found = wrong[-1].nonzero()[:, 0]
    return found[wrong[:, found].sum(0).argsort(descending=True, stable=True)]


@own_style
def draw_worst(
    votes: Tensor,
    labels: Tensor,
    last_cells: Indices,
    palette: Palette,
    *,
    name: str,
    path: Path,
    names: Sequence[str] = DIGIT_NAMES,
) -> None:
    """Draw both kinds of digits after the last tick, each with its votes above it.

    A kind without digits takes a line; the height of the figure is that of what it shows.

    Args:
        votes: (ticks, digits, classes)
        labels: (digits,)
        last_cells: (digits, height, width) palette indices after the last tick
        name: name of the checkpoint
        names: of the classes
    """
    ticks, digits = votes.shape[:2]
    kinds = (
        (never_agreed(votes), f"never agreed in {ticks} ticks", "the most divided first"),
        (agreed_on_wrong(votes, labels), "agree on a wrong class", "those that did longest first"),
    )
    rows = [min(MAX_ROWS, math.ceil(len(found) / COLUMNS)) for found, _, _ in kinds]
    height = TITLES + sum(rows) * ROW + (LEGEND if any(rows) else 0)
    figure = Figure(figsize=(WIDTH, height), dpi=PRINT_DPI, layout="constrained")
    figure.suptitle(f"{plain_text(name)}, tick {ticks}", fontsize="medium")
    panels = figure.subplots(2, 1, height_ratios=[max(count, 0.01) for count in rows])
    for axes, count, (found, what, order) in zip(panels, rows, kinds, strict=True):
        axes.axis("off")
        axes.set_title(
            f"{len(found):,} of {digits:,} digits {what}" + (f", {order}" if count else ""), fontsize="medium"
        )
        if count:
            shown = found[: count * COLUMNS]
            _draw_digits(axes, votes[-1, shown], labels[shown], last_cells[shown.numpy()], palette, names)
    if any(rows):
        class_legend(
            figure,
            palette,
            names,
            "above each digit: label → most common class: how many of its cells output it",
        )
    save_figure(figure, path)


def _draw_digits(
    axes: Axes, votes: Tensor, labels: Tensor, cells: Indices, palette: Palette, names: Sequence[str]
) -> None:
    """Draw digits side by side, each with its label, most common class and votes above it.

    Args:
        votes: (digits, classes)
        labels: (digits,)
        cells: (digits, height, width) palette indices
    """
    framed = np.pad(cells, ((0, 0), (CAPTION, 0), (1, 1)), constant_values=dead(votes.shape[1]))
    height, width = framed.shape[1:]
    rows = math.ceil(len(framed) / COLUMNS)
    axes.imshow(
        mosaic(paint(framed, cell_tiles(palette, 8, annotated=False)), rows, COLUMNS),
        extent=(0, COLUMNS * width, rows * height, 0),
    )
    for number, (of_digit, label) in enumerate(zip(votes, labels.tolist(), strict=True)):
        row, column = divmod(number, COLUMNS)
        pair = f"{names[label]} → {names[int(of_digit.argmax())]}"
        text = plain_text(f"{pair}: {of_digit.max()} of {of_digit.sum()}")
        axes.text((column + 0.5) * width, row * height + CAPTION, text, ha="center", va="bottom", fontsize=8)
