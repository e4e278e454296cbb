"""The figure of a robustness report: a panel for each kind of condition."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.figure import Figure

from ca.render.figures import COLOURS, PRINT_DPI, own_style, percent, plain_axes, plain_text, save_figure
from ca.report.robustness.conditions import ERASED, OTHERS, Condition
from ca.report.robustness.trial import Score

COLUMNS = 4


@own_style
def draw_robustness(
    conditions: Sequence[Condition], scores: Mapping[str, Sequence[Score]], ticks: int, *, path: Path
) -> None:
    """Draw digit accuracy under each condition, a line for each checkpoint.

    Args:
        scores: of each checkpoint, by its name, one for each condition
    """
    kinds = list(dict.fromkeys(condition.kind for condition in conditions))
    rows = -(-len(kinds) // COLUMNS)
    figure = Figure(figsize=(11, 2.3 * rows + 0.6), dpi=PRINT_DPI, layout="constrained")
    panels = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flat)
    for axes, kind in zip(panels, kinds, strict=False):
        chosen = [number for number, condition in enumerate(conditions) if condition.kind == kind]
        is_ordered = kind not in (ERASED, OTHERS)
        for one, ((name, of_one), colour) in enumerate(zip(scores.items(), cycle(COLOURS), strict=False)):
            shares = [of_one[number].digit_accuracy for number in chosen]
            beside = 0 if is_ordered else 0.4 * ((one + 0.5) / len(scores) - 0.5)  # else equal ones hide
            axes.plot(
                [place + beside for place in range(len(shares))],
                shares,
                "o-" if is_ordered else "o",
                color=colour,
                linewidth=1.5,
                markersize=4,
                label=plain_text(name),
            )
        for place, number in enumerate(chosen):
            if conditions[number].is_plain:
                axes.axvline(place, color="black", alpha=0.15, linewidth=6)
        words = [conditions[number].strength.replace(" ", "\n") for number in chosen]
        axes.set_xticks(range(len(words)), words, fontsize="small")
        axes.set_xlim(-0.5, len(words) - 0.5)
        axes.set_ylim(0, 1.03)
        axes.set_title(kind, fontsize="medium")
        axes.yaxis.set_major_formatter(percent)
        plain_axes(axes)
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    figure.supylabel(f"digit accuracy at tick {ticks}; grey: unchanged digits", fontsize="medium")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    save_figure(figure, path)
