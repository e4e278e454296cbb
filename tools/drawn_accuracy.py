"""How many drawn digits automata read right: a Markdown table by height, brush and way of drawing.

    uv run python tools/drawn_accuracy.py checkpoints/model-steps-100000 --picture wrong.png

The digits are those of `ca.data.drawn`, which no automaton was trained on: equally many for each pair of a
height and a brush, without brushes wider than a quarter of the height. A digit is read right if its class is
the most common one among its cells after the last tick.
Choose automata by the digits of the default seed; look at those of `--test` once.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import ca
from ca.data.drawn import draw_digits, ways_for
from ca.data.drawn_forms import WAYS
from ca.render.figures import PRINT_DPI, own_style, plain_text, save_figure
from ca.report.names import distinct_names

HEIGHTS, BRUSHES = (9, 14, 20, 28, 38, 50), (1, 1.5, 2, 2.5, 3, 4, 5)  # cells
PAIRS = [(height, brush) for height in HEIGHTS for brush in BRUSHES if ways_for(height, brush)]
VALIDATION_SEED, TEST_SEED = 1, 2
WORST_WAYS = 10
COLUMNS, ROWS, TILE = 16, 8, 96  # of the picture; pixels along a digit


@dataclass(frozen=True)
class Drawings:
    """Drawn digits.

    Attributes:
        images: (digits, height, width) uint8
        labels: (digits,) classes
        ways: (digits,) indices in `WAYS`
        pairs: (digits,) indices in `PAIRS`
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ways: NDArray[np.int64]
    pairs: NDArray[np.int64]


def main() -> None:
    """Print the table; draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--ticks", type=int, default=60)
    parser.add_argument("--number", type=int, default=100, help="digits of each pair of height and brush")
    parser.add_argument("--test", action="store_true", help="draw the test digits: for final results only")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="draw what the first one reads wrong: PNG"
    )
    options = parser.parse_args()
    if min(options.number, options.ticks) < 1:
        parser.error("--number and --ticks must be at least 1")
    try:
        names = distinct_names(options.checkpoints)
        automata = [ca.CellularAutomaton.from_pretrained(path) for path in options.checkpoints]
    except ca.FailedError as error:
        parser.exit(error.exit_code, f"{parser.prog}: {error}\n")
    drawn = draw_all(options.number, TEST_SEED if options.test else VALIDATION_SEED)
    read = [ca.classify(automaton, drawn.images, ticks=options.ticks).classes for automaton in automata]
    print(f"Digits read right at tick {options.ticks}, in percent:\n")
    print(*table(names, drawn, np.stack([classes == drawn.labels for classes in read])), sep="\n")
    if options.picture:
        draw_wrong(drawn, read[0], f"{names[0]}, tick {options.ticks}", options.picture)


def draw_all(number: int, seed: int) -> Drawings:
    """Draw digits of each pair of height and brush."""
    parts = [
        draw_digits(number, 1000 * seed + index, height, brush) for index, (height, brush) in enumerate(PAIRS)
    ]
    images, labels, ways = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Drawings(images, labels, ways, np.repeat(np.arange(len(PAIRS)), number))


def table(names: Sequence[str], drawn: Drawings, right: NDArray[np.bool_]) -> Iterator[str]:
    """Lines of the table.

    Args:
        right: (checkpoints, digits) whether it is read right
    """
    pairs = np.array(PAIRS)[drawn.pairs]
    all_of_way = [drawn.ways == way for way in range(len(WAYS))]
    seen = [way for way, chosen in enumerate(all_of_way) if chosen.any()]
    worst = sorted(seen, key=lambda way: right[:, all_of_way[way]].mean())[:WORST_WAYS]
    groups = {
        "all": np.full(len(pairs), True),
        **{f"{height} cells high": pairs[:, 0] == height for height in HEIGHTS},
        **{f"brush {brush:g}": pairs[:, 1] == brush for brush in BRUSHES},
        **{f"{WAYS[way].digit}, {WAYS[way].name}": all_of_way[way] for way in worst},
    }
    yield f"| | digits | {' | '.join(names)} |"
    yield "|---|--:|" + "--:|" * len(names)
    for name, chosen in groups.items():
        shares = (f"{100 * share:.1f}" for share in right[:, chosen].mean(1))
        yield f"| {name} | {chosen.sum():,} | {' | '.join(shares)} |"


@own_style
def draw_wrong(drawn: Drawings, read: NDArray[np.int64], title: str, path: Path) -> None:
    """Draw digits that are read wrong, each enlarged to the same size, sorted by class.

    Args:
        read: (digits,) the class that each was read as
    """
    wrong = np.flatnonzero(read != drawn.labels)
    shown = wrong[np.linspace(0, len(wrong) - 1, min(len(wrong), COLUMNS * ROWS)).round().astype(int)]
    shown = shown[np.lexsort((read[shown], drawn.labels[shown]))]
    rows = max(1, -(-len(shown) // COLUMNS))
    figure = Figure(figsize=(COLUMNS * 0.8, rows * 1.25 + 0.6), dpi=PRINT_DPI, layout="constrained")
    figure.suptitle(
        f"{plain_text(title)}: {len(wrong):,} of {len(read):,} drawn digits are read wrong"
        + (f"; {len(shown)} of them" if len(shown) < len(wrong) else "")
        + "\nabove each: what was drawn → what was read; below: height and brush in cells",
        fontsize="medium",
    )
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flat
    for axes, digit in zip(panels, shown, strict=False):
        height, brush = PAIRS[drawn.pairs[digit]]
        axes.imshow(enlarged(drawn.images[digit]), cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(f"{drawn.labels[digit]} → {read[digit]}", fontsize="medium", pad=2)
        axes.text(
            0.5, -0.04, f"{height}, {brush:g}", transform=axes.transAxes, ha="center", va="top", fontsize=7
        )
    for axes in figure.axes:
        axes.set_axis_off()
    save_figure(figure, path)


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A digit in a square of `TILE` pixels that it fills."""
    rows, columns = np.nonzero(image)
    cropped = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = max(cropped.shape)
    missing = [side - length for length in cropped.shape]
    square = np.pad(cropped, [(each // 2, each - each // 2) for each in missing])
    return np.asarray(Image.fromarray(square).resize((TILE, TILE), Image.Resampling.NEAREST))


if __name__ == "__main__":
    main()
