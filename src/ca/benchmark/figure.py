"""Figures: what the time of a tick depends on, and the speeds beside the limits of the machine."""

from pathlib import Path

from matplotlib.figure import Figure

from ca.benchmark.cost import ON_BOARD, Cost
from ca.benchmark.speed import Speeds
from ca.render.figures import COLOURS, PRINT_DPI, own_style, plain_axes, save_figure


@own_style
def draw_costs(by_cells: Cost, by_area: Cost, *, path: Path) -> None:
    """Draw both side by side on logarithmic axes."""
    figure = Figure(figsize=(9, 3.6), dpi=PRINT_DPI, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    cells, times = list(by_cells), list(by_cells.values())
    left.loglog(cells, times, "o-", color=COLOURS[0], label="measured")
    proportional = [times[-1] * count / cells[-1] for count in cells]
    left.loglog(cells, proportional, "--", color="0.5", label="proportional")
    left.set(xlabel="alive cells", ylabel="milliseconds per tick")
    left.legend(frameon=False)
    right.loglog(list(by_area), list(by_area.values()), "o-", color=COLOURS[1])
    right.set(xlabel=f"cells of the board, with the same {ON_BOARD} digits")
    for axes in (left, right):
        plain_axes(axes)
    save_figure(figure, path)


@own_style
def draw_roofline(speeds: Speeds, *, path: Path) -> None:
    """Draw the speeds over the operations for each byte of memory, under the limits of the machine.

    To the left the limit is the speed of memory, to the right that of the arithmetic (Williams et al., 2009,
    "Roofline").
    """
    flops, bytes_per_second = speeds.limits.limit_gflop_per_second, speeds.limits.memory_gb_per_second
    points = {
        "engine alone": speeds.kernel,
        "step with Adam": speeds.adam,
        "step with SOAP": speeds.soap,
        "dense rule": speeds.dense,
        "measuring": speeds.measuring,
    }
    figure = Figure(figsize=(6.4, 4), dpi=PRINT_DPI, layout="constrained")
    axes = figure.subplots()
    intensities = [speed.flop_per_byte for speed in points.values()]
    corner = flops / bytes_per_second
    ends = [min(corner, *intensities) / 4, corner, max(corner, *intensities) * 4]
    limit = [min(flops, bytes_per_second * intensity) for intensity in ends]
    axes.loglog(ends, limit, color="0.5", label=f"limit: {bytes_per_second:,.0f} GB/s, {flops:,.0f} GFLOP/s")
    for number, (name, speed) in enumerate(points.items()):
        reached = speed.share_of_limit * flops
        axes.loglog(speed.flop_per_byte, reached, "o", color=COLOURS[number], label=name)
    axes.set(xlabel="operations for each byte of memory", ylabel="needed GFLOP/s", ylim=(1, flops * 2))
    axes.legend(frameon=False)
    plain_axes(axes)
    save_figure(figure, path)
