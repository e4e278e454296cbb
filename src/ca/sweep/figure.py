"""The figure of a sweep: its metric against each setting in which the trials differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ca.render.figures import COLOURS, PRINT_DPI, own_style, percent, plain_axes, save_figure
from ca.sweep.space import Range, Space, differing
from ca.sweep.table import SEED, Row

COLUMNS = 3
PARAMETERS = "parameters"
ARCHITECTURE = {"hidden", "communication_channels"}  # the settings that the number of parameters follows from


@own_style
def draw_sweep(space: Space, rows: Sequence[Row], path: Path) -> None:
    """Draw a panel for each setting, and one for the number of parameters if architectures differ.

    A point is a trial; a line joins the means over the seeds.
    """
    sizes = {row.mean(PARAMETERS) for row in rows}
    chosen_together = {name for variant in space.variants for name in variant}
    left_out = {SEED, "hidden", *(chosen_together & ARCHITECTURE)} if len(sizes) > 1 else {SEED}
    names = [name for name in differing(space) if name not in left_out]
    panels = ([PARAMETERS] if len(sizes) > 1 else []) + names or [PARAMETERS]
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1 + 4.2 * columns, 0.4 + 3.4 * lines), dpi=PRINT_DPI, layout="constrained")
    for number, axes in enumerate(figure.subplots(lines, columns, squeeze=False, sharey=True).flat):
        if number >= len(panels):
            axes.axis("off")
            continue
        _draw_panel(axes, space, rows, panels[number])
        if number % columns == 0:
            axes.set_ylabel(space.metric.replace("_", " "))
    save_figure(figure, path)


def _draw_panel(axes: Axes, space: Space, rows: Sequence[Row], name: str) -> None:
    if name == PARAMETERS:
        values: list[Any] = [row.mean(PARAMETERS) for row in rows]
    else:
        values = [value for row in rows for value in space.values_of(row.point, [name])]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    words = [_word(value) for value in values]
    ticks = {word: place for place, word in enumerate(dict.fromkeys(sorted(words)))}
    places = np.array(values if numeric else [ticks[word] for word in words], dtype=float)
    for place, row in zip(places, rows, strict=True):
        results = [result[space.metric] for result in row.results]
        axes.plot([place] * len(results), results, ".", color=COLOURS[0], alpha=0.5, markersize=6)
    if name == PARAMETERS:
        order = np.argsort(places)
        means = np.array([row.mean(space.metric) for row in rows])
        axes.plot(places[order], means[order], color=COLOURS[0], linewidth=1.2)
    if not numeric:
        axes.set_xticks(list(ticks.values()), list(ticks))
    chosen = space.search.get(name)
    if name == PARAMETERS or (isinstance(chosen, Range) and chosen.log):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda number, _: f"{number:,g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(name.replace("_", "-") if name != PARAMETERS else name)
    if max(result[space.metric] for row in rows for result in row.results) <= 1:
        axes.yaxis.set_major_formatter(percent)
    plain_axes(axes)


def _word(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
