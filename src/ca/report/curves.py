"""Figures of the metrics tick by tick, with all checkpoints on the same axes."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ca.render.figures import COLOURS, PRINT_DPI, own_style, percent, plain_axes, plain_text, save_figure
from ca.report import article

Curves = Mapping[str, Sequence[float | None]]  # the value of each metric after every tick, None if infinite
DASHES = ("-", "--", ":", "-.")  # the next one when all colours are used
LEGEND_LETTERS = 90  # letters that fit into a line of the legend


@own_style
def draw_shares(
    curves: Mapping[str, Curves], ticks_per_stage: int, *, with_article: bool, path: Path
) -> None:
    """Draw cell accuracy and agreement against ticks.

    Args:
        curves: for each checkpoint, by its name
        with_article: also draw the article's results on MNIST
    """
    labels = {"cell_accuracy": "cell accuracy (share of cells)", "agreement": "agreement (share of digits)"}
    figure, panels = _panels(curves, labels, ticks_per_stage)
    for metric, axes in panels.items():
        # The article counts ticks from zero state, so its points have no place after a mutation.
        reported = (article.TOP[metric], article.AT_200[metric]) if with_article else ()
        points = [(tick, share) for tick, share in reported if tick <= ticks_per_stage]
        if points:
            ticks, shares = zip(*points, strict=True)
            axes.plot(ticks, shares, "D", color="black", markerfacecolor="white", label=article.NAME)
        axes.yaxis.set_major_formatter(percent)
        settled = [share for one in curves.values() for share in _settled(one[metric], ticks_per_stage)]
        bottom = _bottom(min([*settled, *(share for _, share in points)]))
        axes.set_ylim(bottom, 1 + 0.02 * (1 - bottom))  # so that the whole width of a line at 100 % is seen
    _finish(figure, panels["cell_accuracy"], path)


@own_style
def draw_magnitudes(curves: Mapping[str, Curves], ticks_per_stage: int, *, path: Path) -> None:
    """Draw mean absolute state and residual against ticks (article, "Experiment 2")."""
    labels = {"mean_abs_state": "mean absolute state", "mean_abs_residual": "mean absolute residual"}
    figure, panels = _panels(curves, labels, ticks_per_stage)
    for metric, axes in panels.items():
        if any(any(one[metric]) for one in curves.values()):  # the residual is all zero before training
            _set_logarithmic(axes)
    _finish(figure, panels["mean_abs_state"], path)


def _panels(
    curves: Mapping[str, Curves], labels: Mapping[str, str], ticks_per_stage: int
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with axes for each metric, a line for each checkpoint and a mark at the mutation."""
    figure = Figure(figsize=(9, 3.8), dpi=PRINT_DPI)
    figure.set_layout_engine("constrained", wspace=0.05)
    panels = dict(zip(labels, figure.subplots(1, len(labels)), strict=True))
    for metric, axes in panels.items():
        for (name, curve), (dashes, colour) in zip(curves.items(), cycle(product(DASHES, COLOURS))):
            for start in range(0, len(curve[metric]), ticks_per_stage):  # a line ends at the mutation
                some = curve[metric][start : start + ticks_per_stage]
                values = [math.nan if value is None else value for value in some]
                ticks = range(start + 1, start + 1 + len(values))
                label = None if start else plain_text(name)
                axes.plot(ticks, values, dashes, color=colour, linewidth=1.5, label=label)
        mutation = ticks_per_stage + 0.5  # between the last tick of one stage and the first of the next
        axes.axvline(mutation, color="dimgray", linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.text(
            mutation, 1.02, "mutation", color="dimgray", ha="center", transform=axes.get_xaxis_transform()
        )
        axes.set_xlabel("tick")
        axes.set_ylabel(labels[metric])
        plain_axes(axes)
    return figure, panels


def _set_logarithmic(axes: Axes) -> None:
    """Make the value axis logarithmic: moving and resting cells differ tenfold, diverging ones far more."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 1000 * low:  # powers of ten alone would be too few labels
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _settled(curve: Sequence[float | None], ticks_per_stage: int) -> list[float]:
    """The values in the second half of each stage, when most cells no longer change their class."""
    second_half = ticks_per_stage // 2
    return [
        value
        for tick, value in enumerate(curve)
        if value is not None and tick % ticks_per_stage >= second_half
    ]


def _bottom(lowest: float) -> float:
    """Lower end of an axis of shares such that the values above `lowest` fill its upper half.

    On an axis from zero, good automata would be indistinguishable. The first ticks of each stage, which are
    lower, are cut off.
    """
    return max(0.0, min(0.9, math.floor(20 * (2 * lowest - 1)) / 20))


def _finish(figure: Figure, axes: Axes, path: Path) -> None:
    handles, names = axes.get_legend_handles_labels()
    columns = max(1, min(len(names), LEGEND_LETTERS // (max(map(len, names)) + 6)))  # 6 for line and gap
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    save_figure(figure, path)
