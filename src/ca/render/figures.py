"""Common parts of all figures: axes, the legend of the classes' colours, and writing a file."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ca.cells import UNDECIDED
from ca.render.palette import Palette
from ca.sizes import NUM_CLASSES
from ca.system.publish import published

PRINT_DPI = 200
# Okabe and Ito's colours, which colour-blind people can tell apart; their yellow is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def plain_axes(axes: Axes) -> None:
    """Add a faint grid; keep the left and the bottom line of the frame only."""
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def class_legend(figure: Figure, palette: Palette, title: str | None = None) -> None:
    """Add a legend of the colours of alive cells below the figure."""
    names = [*map(str, range(NUM_CLASSES)), "undecided"]
    swatches = [
        Patch(facecolor=colour / 255, label=name)
        for colour, name in zip(palette[: UNDECIDED + 1], names, strict=True)
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
    """A share as a tick label, with as many decimals as it needs."""
    return f"{100 * share:g}%"


def plain_text(text: str) -> str:
    """A name as a label; Matplotlib would take a dollar as a formula and hide a leading underscore."""
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file; a reader sees the old file or the new one, never a part."""
    with published(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})
