"""Measure automata under all conditions."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ca.data.digits import Digits
from ca.model import CellularAutomaton
from ca.report.robustness.conditions import Condition
from ca.report.robustness.trial import Score, score
from ca.system.seeds import seeded

Found = tuple[list[Condition], dict[str, list[Score]]]


def measure_robustness(
    automata: Mapping[str, CellularAutomaton],
    digits: Digits,
    chosen: Sequence[Condition],
    *,
    ticks: int,
    seed: int,
    device: torch.device,
    advance: Callable[[str], object] = lambda condition: None,
) -> Found:
    """Measure automata on the same boards under each condition.

    Args:
        automata: by their names, on the device
        ticks: from zero state to the measurement, where the condition does not say otherwise
        chosen: the conditions
        advance: called with the kind of each condition after it

    Returns:
        those of the conditions that are available, and for each automaton its score under each
    """
    measured: list[Condition] = []
    scores: dict[str, list[Score]] = {name: [] for name in automata}
    for condition in chosen:
        # Conditions of a kind draw alike: the same halves are erased in all that are compared.
        generator = np.random.default_rng([seed, *condition.kind.encode()])
        trial = condition.make(digits, ticks, generator)
        if trial is not None:
            measured.append(condition)
            for name, automaton in automata.items():
                scores[name].append(score(automaton, trial, seeded(seed, device)))
        advance(condition.kind)
    return measured, scores
