"""Forms of digits, and what a hand does to them."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from ca.data.forms import FORMS, Form
from ca.data.hand import Hand

STEADY = Hand(**{field.name: (0, 0) for field in dataclasses.fields(Hand)})


def written(hand: Hand, forms: list[Form], seed: int = 1) -> list[NDArray[np.float64]]:
    """The places of each digit: (places, 2)."""
    places, _, digits = hand.write(forms, np.random.default_rng(seed))
    return [places[digits == digit] for digit in range(len(forms))]


def named(label: int, name: str) -> Form:
    (form,) = (form for form in FORMS if (form.label, form.name) == (label, name))
    return form


def extent(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ptp(places, axis=0)


def sharpest_turn(places: NDArray[np.float64]) -> float:
    """In degrees, between one step and the next."""
    ahead = np.diff(places, axis=0)
    ahead /= np.hypot(*ahead.T)[:, None]
    return np.degrees(np.arccos((ahead[1:] * ahead[:-1]).sum(axis=1).clip(-1, 1))).max()


def test_every_digit_is_written_in_many_ways() -> None:
    names = [(form.label, form.name) for form in FORMS]
    assert len(set(names)) == len(names) >= 90
    for label in range(10):
        assert sum(form.label == label for form in FORMS) >= 8


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.label} {form.name}")
def test_a_steady_hand_writes_all_points_of_a_form_and_nothing_beside(form: Form) -> None:
    assert form.weight > 0
    (places,) = written(STEADY, [form])
    assert extent(places)[1] == pytest.approx(1, abs=0.13)
    assert 0 <= extent(places)[0] < 1.05
    low, high = np.minimum(form.least, form.most), np.maximum(form.least, form.most)
    for least, most in zip(low, high, strict=True):
        beside = np.maximum(np.maximum(least - places, places - most), 0)
        assert np.hypot(*beside.T).min() < 0.03
    assert (places >= low.min(axis=0) - 0.05).all()
    assert (places <= high.max(axis=0) + 0.05).all()


def test_flags_of_a_one_are_from_tiny_to_nearly_as_long_as_its_stem() -> None:
    form = named(1, "steep flag")
    flags = [extent(places[: len(places) // 2])[0] for places in written(STEADY, [form] * 200)]
    assert min(flags) < 0.1
    assert max(flags) > 0.35
    lengths = np.hypot(*(form.least[0] - form.least[1])), np.hypot(*(form.most[0] - form.most[1]))
    assert lengths[0] < 0.2
    assert lengths[1] > 0.8


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Hand)])
def test_each_property_of_a_hand_changes_what_it_writes(name: str) -> None:
    forms = [named(8, "begun at the right"), named(4, "open")]
    changed = dataclasses.replace(STEADY, **{name: (getattr(Hand(), name)[1],) * 2})
    for before, after in zip(written(STEADY, forms), written(changed, forms), strict=True):
        most = min(len(before), len(after))
        assert abs(before[:most] - after[:most]).max() > 0.001


def test_slant_rotation_and_aspect_are_what_they_say() -> None:
    stem = [named(1, "plain")]

    def top_and_foot(**ranges: tuple[float, float]) -> NDArray[np.float64]:
        (places,) = written(dataclasses.replace(STEADY, **ranges), stem)
        return places[-1] - places[0]

    assert top_and_foot() == pytest.approx([0, 1])
    assert top_and_foot(slant=(0.3, 0.3)) == pytest.approx([-0.3, 1])
    assert top_and_foot(rotation=(0.1, 0.1)) == pytest.approx([-np.sin(0.1), np.cos(0.1)])
    zero = [named(0, "plain")]
    (narrow,) = written(STEADY, zero)
    (wide,) = written(dataclasses.replace(STEADY, aspect=(1, 1)), zero)
    assert extent(wide) == pytest.approx(extent(narrow) * [2, 1])


def test_ends_are_lengthened_along_the_stroke() -> None:
    stem = [named(1, "slanted")]
    (places,) = written(STEADY, stem)
    (longer,) = written(dataclasses.replace(STEADY, ends=(0.05, 0.05)), stem)
    length, longer_length = (np.hypot(*(line[-1] - line[0])) for line in (places, longer))
    assert longer_length == pytest.approx(length + 0.1)


def test_a_fast_hand_rounds_corners() -> None:
    form = [named(7, "plain")]
    (places,) = written(STEADY, form)
    (fast,) = written(dataclasses.replace(STEADY, speed=(1, 1)), form)
    assert sharpest_turn(places) > 60
    assert sharpest_turn(fast) < 35
    assert fast[[0, -1]] == pytest.approx(places[[0, -1]])
