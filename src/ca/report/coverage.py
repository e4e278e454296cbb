"""A figure of how accurate the surest digits are."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

from matplotlib.figure import Figure

from ca.render.figures import COLOURS, PRINT_DPI, own_style, percent, plain_axes, plain_text, save_figure
from ca.report.certainty import Certainty

MEASURES = {"first_agreement": ("first tick of agreement", "-"), "votes": ("votes after the last tick", "--")}
LEAST_RANGE = 0.005  # of the accuracy that is shown


@own_style
def draw_coverage(certainties: Mapping[str, Mapping[str, Certainty]], ticks: int, *, path: Path) -> None:
    """Draw digit accuracy against the share of digits that are at least so sure.

    Args:
        certainties: the measures of certainty of each checkpoint, by their names
        ticks: tick after which a digit is right or wrong
    """
    figure = Figure(figsize=(7.0, 4.6), dpi=PRINT_DPI, layout="constrained")
    axes = figure.subplots()
    lowest = 1 - LEAST_RANGE
    for (name, measures), colour in zip(certainties.items(), cycle(COLOURS), strict=False):
        for measure, (words, dashes) in MEASURES.items():
            found = measures[measure]
            everything = found.digits[-1]
            coverage = [0.0, *(number / everything for number in found.digits)]
            accuracy = [right / number for right, number in zip(found.right, found.digits, strict=True)]
            area = "" if found.roc_area is None else f" (area under ROC {found.roc_area:.1%})"
            label = f"{plain_text(name)}: {words}{area}"
            axes.plot(coverage, [accuracy[0], *accuracy], dashes, color=colour, linewidth=1.5, label=label)
            lowest = min(lowest, found.accuracy_at(1))
    axes.set_xlim(0, 1)
    axes.set_ylim(lowest - 0.2 * (1 - lowest), 1 + 0.02 * (1 - lowest))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent)
    axes.set_xlabel("share of digits answered, the surest first")
    axes.set_ylabel(f"digit accuracy of these at tick {ticks}")
    plain_axes(axes)
    figure.legend(loc="outside lower center", frameon=False)
    save_figure(figure, path)
