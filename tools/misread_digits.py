"""Draw `docs/misread.png`: digits that an automaton misreads, under the conditions it is worst at.

uv run python tools/misread_digits.py [CHECKPOINT]
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ca.checkpoint.folder import BUNDLED_DRAWN, load_checkpoint
from ca.data.box import cropped
from ca.data.load import load_digits
from ca.render.figures import own_style
from ca.report.robustness.conditions import conditions
from ca.report.robustness.trial import count_answers
from ca.system.seeds import seeded

PICTURE = Path(__file__).parents[1] / "docs" / "misread.png"
SHOWN = {
    "unchanged": ("rotation", "0°"),
    "rotated by -30°": ("rotation", "-30°"),
    "rotated by 30°": ("rotation", "30°"),
    "strokes thinner by a pixel": ("stroke width, pixels", "-1"),
    "scikit-learn's": ("others", "scikit-learn"),
    "drawn, 9 cells high": ("drawn digits, cells high", "9"),
    "drawn, 50 cells high": ("drawn digits, cells high", "50"),
}
DIGITS, COLUMNS, TICKS, SEED = 300, 12, 200, 0


@own_style
def main() -> None:
    parser = argparse.ArgumentParser(description="Draw digits that an automaton misreads.")
    parser.add_argument("checkpoint", type=Path, nargs="?")
    automaton = load_checkpoint(parser.parse_args().checkpoint, bundled=BUNDLED_DRAWN).automaton
    digits = load_digits("mnist", "test")[:DIGITS]
    known = {(condition.kind, condition.strength): condition for condition in conditions(of_digits=True)}
    figure = Figure(figsize=(9, 1.05 * len(SHOWN)), layout="constrained")
    rows = figure.subfigures(len(SHOWN), squeeze=False)[:, 0]
    for (words, key), row in zip(SHOWN.items(), rows, strict=True):
        trial = known[key].make(digits, TICKS, np.random.default_rng([SEED, *key[0].encode()]))
        if trial is None:
            raise SystemExit(f"{words}: not available (pip install scikit-learn)")
        answers = count_answers(automaton, trial, seeded(SEED)).argmax(1)
        labels = trial.labels[:, 0]
        wrong = (answers != labels).nonzero()[:, 0].tolist()
        row.suptitle(f"{words}: {len(wrong)} of {len(labels)} misread", x=0, ha="left", size="small")
        for axes, number in zip(row.subplots(1, COLUMNS), wrong[:COLUMNS] + COLUMNS * [None], strict=False):
            axes.set_axis_off()
            if number is None:
                continue
            ink = cropped(trial.stages[-1].boards[number].numpy())
            axes.imshow(255 - ink, cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{labels[number]} as {answers[number]}", size="x-small")
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
