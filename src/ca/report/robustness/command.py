"""The files and the table of a robustness report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ca.data.digits import Digits
from ca.model import CellularAutomaton
from ca.render.attempt import drawing
from ca.report.robustness.conditions import Condition, conditions
from ca.report.robustness.measure import measure_robustness
from ca.report.robustness.table import robustness_table
from ca.report.robustness.trial import Score
from ca.sizes import DIGIT_NAMES
from ca.system.errors import UsageError
from ca.system.folders import writing
from ca.system.progress import Progress
from ca.system.publish import publish_json
from ca.system.terminal import print_line

OTHER_CLASSES = ("fashion-mnist", "kmnist")  # data sets whose classes are not digits


def report_robustness(
    automata: Mapping[str, CellularAutomaton],
    digits: Digits,
    dataset: str,
    *,
    ticks: int,
    seed: int,
    device: torch.device,
    stem: Path,
) -> None:
    """Measure automata under all conditions; write JSON and a figure, print their paths and a table.

    Args:
        automata: by their names, on the device
        stem: path of the files, without their endings

    Raises:
        FailedError: a file can't be written or drawn
        UsageError: all digits are of one class
    """
    if len(digits.labels.unique()) < 2:
        raise UsageError(
            f"--n-digits {len(digits)} takes digits of one class only: --robustness needs two, take more"
        )
    chosen = list(conditions(of_digits=digits.names == DIGIT_NAMES and dataset not in OTHER_CLASSES))
    with Progress(len(chosen), "condition") as progress:

        def advance(kind: str) -> None:
            progress.label(kind)
            progress.advance(1)

        measured, scores = measure_robustness(
            automata, digits, chosen, ticks=ticks, seed=seed, device=device, advance=advance
        )
    for missing in chosen:
        if missing not in measured:
            print_line(f"ca: left out: {missing.kind}: {missing.strength}: pip install scikit-learn")
    record, figure = (stem.with_name(stem.name + ending) for ending in (".json", ".png"))
    with writing(stem.parent, into=True):
        publish_json(record, _as_json(measured, scores, dataset, len(digits), ticks, seed))
        print(record, figure, robustness_table(measured, scores), sep="\n")
        with drawing(figure):
            from ca.report.robustness.figure import draw_robustness

            draw_robustness(measured, scores, ticks, path=figure)


def _as_json(
    measured: Sequence[Condition],
    scores: Mapping[str, Sequence[Score]],
    dataset: str,
    number: int,
    ticks: int,
    seed: int,
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "digits": number,
        "ticks": ticks,
        "seed": seed,
        "conditions": [
            {
                "kind": condition.kind,
                "strength": condition.strength,
                "scores": {name: asdict(of_one[place]) for name, of_one in scores.items()},
            }
            for place, condition in enumerate(measured)
        ],
    }
