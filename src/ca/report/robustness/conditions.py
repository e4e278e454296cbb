"""The conditions under which automata are measured, kind by kind. A new one is one more line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor

from ca.architecture import Architecture
from ca.data.digits import Digits
from ca.data.distort import distort
from ca.data.drawn import draw_digits, ways_for
from ca.report.robustness.boards import chimeras, half_erased, scikit_learn_digits, side_by_side
from ca.report.robustness.trial import Stage, Trial
from ca.settings.distortions import UNCHANGED, Distortions
from ca.sizes import BOARD_SIDE

AFTER = 100  # ticks from a change of the digit, or of the state, to the measurement
LONG = 2_000  # ticks
BRUSHES = (1.5, 2.5, 3.5, 5)  # cells
ERASED, OTHERS = "half erased", "others"  # kinds whose conditions are not in an order

Make = Callable[[Digits, int, Generator], Trial | None]  # digits, ticks, and a generator


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        kind: what is changed
        strength: by how much, in words
        make: what automata are put through; None where it is not available
        is_plain: whether it changes nothing
    """

    kind: str
    strength: str
    make: Make
    is_plain: bool = False


def conditions(*, of_digits: bool) -> Iterator[Condition]:
    """All conditions, those of a kind one after another, from one end to the other.

    Args:
        of_digits: whether the classes are digits, so that digits of others can be read
    """
    for name, kind, words, amounts in (
        ("rotation", "rotation", "{:g}°", (-45, -30, -15, 0, 15, 30, 45)),
        ("scale", "scale", "x{:g}", (0.5, 0.6, 0.8, 1, 1.5, 2)),
        ("stroke", "stroke width, pixels", "{:+g}", (-1, -0.5, 0, 1, 2)),
        ("contrast", "contrast", "x{:g}", (1, 0.5, 0.25)),
        ("blur", "blur, pixels", "{:g}", (0, 1, 1.5)),
        ("elastic", "elastic, pixels", "{:g}", (0, 1, 1.5, 2)),
        ("specks", "specks", "{:g}", (0, 1, 3, 10)),
        ("cuts", "cuts", "{:g}", (0, 1, 2)),
    ):
        for amount in amounts:
            is_plain = amount == getattr(UNCHANGED, name)[0]
            yield Condition(kind, words.format(amount), _distorted(name, amount), is_plain)
    for cells in (0, 6, 18):
        yield Condition("shift, cells", f"{cells}", _shifted(cells), cells == 0)
    for gap in (6, 3, 2, 1, 0):
        yield Condition("two digits, cells apart", f"{gap}", _two(gap))
    for rate in (0.25, 0.5, 0.75, 1.0):
        yield Condition("fire rate", f"{rate:g}", _plain(fire_rate=rate), rate == Architecture.fire_rate)
    for noise in (0.0, 0.02, 0.05, 0.1):
        yield Condition("noise", f"{noise:g}", _plain(noise=noise), noise == Architecture.noise)
    for push in (0.0, 0.5, 1.0, 2.0):
        yield Condition("push to the state", f"{push:g}", _pushed(push))
    yield Condition(ERASED, "zero state", _damaged(0, whole=False))
    yield Condition(ERASED, f"{AFTER} ticks later", _damaged(1, whole=False))
    yield Condition(ERASED, "restored", _damaged(1, whole=True))
    if of_digits:
        for height in (9, 14, 20, 28, 38, 50):
            yield Condition("drawn digits, cells high", f"{height}", _drawn(height))
        yield Condition(OTHERS, "scikit-learn", _scikit_learn)
    yield Condition(OTHERS, f"{LONG:,} ticks", _long)
    yield Condition(OTHERS, "chimeras", _chimera)


def _distorted(name: str, amount: float) -> Make:
    ranges: dict[str, Any] = {name: (amount, amount)}

    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        images = distort(digits.images.cpu(), BOARD_SIDE, generator, Distortions(**ranges))
        return Trial((Stage(images, ticks),), _labels(digits))

    return make


def _shifted(cells: int) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        boards = F.pad(digits.images.cpu(), (cells, 0, cells, 0))
        return Trial((Stage(boards, ticks),), _labels(digits))

    return make


def _drawn(height: int) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        brushes = [brush for brush in BRUSHES if ways_for(height, brush)]
        number = -(-len(digits) // len(brushes))
        drawn = [draw_digits(number, int(generator.integers(2**32)), height, brush)[:2] for brush in brushes]
        images, labels = (torch.from_numpy(np.concatenate(each)) for each in zip(*drawn, strict=True))
        return Trial((Stage(images, ticks),), labels.unsqueeze(1))

    return make


def _scikit_learn(digits: Digits, ticks: int, generator: Generator) -> Trial | None:
    found = scikit_learn_digits(len(digits))
    return found and Trial((Stage(found[0], ticks),), found[1])


def _plain(fire_rate: float | None = None, noise: float | None = None) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        stages = (Stage(digits.images.cpu(), ticks),)
        return Trial(stages, _labels(digits), fire_rate=fire_rate, noise=noise)

    return make


def _damaged(times_whole: int, *, whole: bool) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        images = digits.images.cpu()
        stages = (
            *(times_whole * (Stage(images, ticks),)),
            Stage(half_erased(images, generator), AFTER),
            *(whole * (Stage(images, AFTER),)),
        )
        return Trial(stages, _labels(digits))

    return make


def _pushed(push: float) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        images = digits.images.cpu()
        return Trial((Stage(images, ticks), Stage(images, AFTER, push)), _labels(digits))

    return make


def _long(digits: Digits, ticks: int, generator: Generator) -> Trial:
    return Trial((Stage(digits.images.cpu(), LONG),), _labels(digits))


def _two(gap: int) -> Make:
    def make(digits: Digits, ticks: int, generator: Generator) -> Trial:
        boards, owners, labels = side_by_side(digits.to(torch.device("cpu")), gap)
        return Trial((Stage(boards, ticks),), labels, owners)

    return make


def _chimera(digits: Digits, ticks: int, generator: Generator) -> Trial:
    images, labels = chimeras(digits.to(torch.device("cpu")))
    return Trial((Stage(images, ticks),), labels)


def _labels(digits: Digits) -> Tensor:
    return digits.labels.cpu().unsqueeze(1)
