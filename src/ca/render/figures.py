"""What all figures share: plain axes, a legend of the classes' colours, and how a file is written."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ca.cells import NUM_CLASSES, UNDECIDED
from ca.render.palette import PALETTE
from ca.system.publish import published

PRINT_DPI = 200
# Okabe and Ito's colours, which the colour-blind can tell apart, without their yellow: too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def plain_axes(axes: Axes) -> None:
    """A faint grid, and no frame but the two axes."""
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def class_legend(figure: Figure, title: str | None = None) -> None:
    """The colours of alive cells, beneath the figure."""
    names = [*map(str, range(NUM_CLASSES)), "undecided"]
    swatches = [
        Patch(facecolor=colour / 255, label=name)
        for colour, name in zip(PALETTE[: UNDECIDED + 1], names, strict=True)
    ]
    figure.legend(
        handles=swatches,
        ncols=len(swatches),
        loc="outside lower center",
        frameon=False,
        title=title,
        handlelength=1.5,
        columnspacing=1.5,
    )


def percent(share: float, _: float) -> str:
    """A share as the label of an axis, with as many decimals as it needs."""
    return f"{100 * share:g}%"


def plain_text(text: str) -> str:
    """A name for a label: a dollar would start a formula in it, a leading underscore would hide it."""
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file; a reader sees the old one or the new one."""
    with published(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})
