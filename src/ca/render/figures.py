"""Common parts of all figures: axes, the legend of the classes' colours, and writing a file."""

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec

from matplotlib import font_manager, rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ca.render.palette import Palette
from ca.sizes import DIGIT_NAMES
from ca.system.publish import published

PRINT_DPI = 200
LEGEND_WIDTH = 0.95  # of the figure
SWATCH, LETTER, LINE = 0.55, 0.09, 0.21  # inches: a swatch with the spaces around it, a letter, a line
MOST_LETTERS = 20  # of a name in a legend
# Okabe and Ito's colours, which colour-blind people can tell apart; their yellow is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Fonts with Chinese, Japanese and Korean characters, which Matplotlib's own font does not have.
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "SimHei", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip

P = ParamSpec("P")


def own_style(draw: Callable[P, None]) -> Callable[P, None]:
    """Let a function draw with Matplotlib's defaults, whatever the user's `matplotlibrc` says.

    Warnings of Matplotlib are not shown: the user can't act on them.
    """

    @functools.wraps(draw)
    def draw_in_style(*args: P.args, **options: P.kwargs) -> None:
        with rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rcdefaults()
            rcParams["font.family"] = _font_families()
            draw(*args, **options)

    return draw_in_style


@functools.cache
def _font_families() -> list[str]:
    """Matplotlib's own font, and those of `CJK_FONTS` that are installed, for characters it does not have."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CJK_FONTS if name in installed)]


@functools.cache
def _drawable() -> frozenset[int]:
    """Code points of the characters that the fonts have."""
    paths = [font_manager.findfont(name) for name in _font_families()]
    return frozenset().union(*(font_manager.get_font(path).get_charmap() for path in paths))


def plain_axes(axes: Axes) -> None:
    """Add a faint grid; keep the left and the bottom line of the frame only."""
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def class_legend(
    figure: Figure, palette: Palette, names: Sequence[str] = DIGIT_NAMES, title: str | None = None
) -> None:
    """Add a legend of the colours of alive cells below the figure, in rows if there are many classes."""
    names = [
        plain_text(name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…") for name in names
    ]
    names.append("undecided")
    longest = max(map(len, names[:-1]))
    swatches = [
        Patch(facecolor=colour / 255, label=name)
        for colour, name in zip(palette, names, strict=False)  # all but dead cells
    ]
    width = LEGEND_WIDTH * figure.get_figwidth() - LETTER * max(0, len(names[-1]) - longest)
    columns = max(1, min(len(swatches), int(width / (SWATCH + LETTER * longest))))
    lines = -(-len(swatches) // columns)
    figure.set_figheight(figure.get_figheight() + LINE * max(0, lines - 2))  # the figure has room for two
    figure.legend(
        handles=swatches,
        ncols=columns,
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
    """A name as a label.

    Matplotlib would take a dollar as a formula and hide a leading underscore. Characters that no font has are
    written as escapes, and so are line breaks and bytes that are not UTF-8.
    """
    shown = "".join(
        letter if letter.isprintable() and ord(letter) in _drawable() else ascii(letter)[1:-1]
        for letter in text
    )
    return (" " if shown.startswith("_") else "") + shown.replace("$", r"\$")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG file; a reader sees the old file or the new one, never a part."""
    with published(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})
