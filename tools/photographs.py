"""Measure `ca classify` on generated photographs of test digits.

    PYTHONPATH=tests uv run python tools/photographs.py

Takes two minutes on one core. Prints for each kind of photograph how many digits are right, and the same for
each degree of sureness. A digit that is not found is wrong; in a photograph with a digit too few or too many,
all are.
"""

import argparse
from collections import defaultdict

import numpy as np
import torch
from support.photographs import KINDS, photograph

from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.photo.page import read_page
from ca.photo.verdict import verdicts, watch
from ca.settings.commands import ClassifySettings
from ca.system.errors import FailedError
from ca.system.seeds import seeded

TICKS = ClassifySettings.ticks
LEAST_HEIGHT, MOST_HEIGHT = 60, 160  # of a digit, in pixels


def main() -> None:
    """Read photographs of all kinds in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--number", type=int, default=209)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    digits, automaton = load_digits("mnist", "test"), load_checkpoint(None).automaton
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    complete = 0
    for number in range(options.number):
        name = list(KINDS)[number % len(KINDS)]
        random = np.random.default_rng([options.seed, number])
        height = int(random.integers(LEAST_HEIGHT, MOST_HEIGHT))
        image, labels = photograph(KINDS[name], digits, random, height=height)
        try:
            images = read_page(image.convert("RGB")).images
        except FailedError:
            images = np.empty((0, 28, 28), dtype=np.uint8)
        counts[name][1] += len(labels)
        counts["all"][1] += len(labels)
        if len(images) != len(labels):
            continue
        complete += 1
        votes = [counted for _, counted in watch(automaton, images, TICKS, seeded(0))]
        for verdict, label in zip(verdicts(torch.stack(votes)), labels, strict=True):
            right = int(verdict.digit == label)
            counts[name][0] += right
            counts["all"][0] += right
            counts[verdict.sureness][0] += right
            counts[verdict.sureness][1] += 1
    print(f"{complete} of {options.number} photographs with all their digits")
    for name, (right, every) in counts.items():
        print(f"{name:18} {right:4} of {every:4} right, {right / every:.1%}")


if __name__ == "__main__":
    main()
