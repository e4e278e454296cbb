"""A figure of what the time of a tick depends on."""

from pathlib import Path

from matplotlib.figure import Figure

from ca.benchmark.cost import ON_BOARD, Cost
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
