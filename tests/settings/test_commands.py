"""Settings: whatever number is given, it is accepted within its range, or refused by name in one line."""

import math
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ca.settings.commands import (
    BenchmarkSettings,
    ClassifySettings,
    DemoSettings,
    EvaluateSettings,
    ReportSettings,
)
from ca.settings.flags import flag_of
from ca.settings.limits import refuse_impossible
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError

ALL: list[Any] = [TrainSettings, EvaluateSettings, ClassifySettings, ReportSettings]
ALL += [BenchmarkSettings, DemoSettings]
LEAST_AND_MOST = {
    "held_out": (0, 10**9),
    "seed": (0, 2**63 - 1),
    "port": (0, 2**16 - 1),
    "n_digits": (2, 10**9),
    "board_size": (28, 10**9),
    "fps": (1, 240),
    "fire_rate": (0, 1),
    "noise": (0, 1000),
    "written_share": (0, 1),
    "rate": (0, 1),
    "communication_channels": (0, 64),
    "alive_threshold": (0, 1),
    "noise_level": (0, 1000),
}


def numbers_of(kind: type) -> dict[str, type]:
    """The numeric settings, and whether they are int, float or several."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is tuple:
            found.update((name, tuple) for number in (int, float) if number in get_args(hint))
        else:
            found.update((name, number) for number in (int, float) if number in (hint, *get_args(hint)))
    return found


def test_all_numeric_settings_are_found() -> None:
    count = sum(len(numbers_of(kind)) for kind in ALL)
    assert count == 38
    assert numbers_of(EvaluateSettings)["fire_rate"] is float
    assert numbers_of(TrainSettings)["ticks"] is tuple


CASES = [(kind, name, number) for kind in ALL for name, number in numbers_of(kind).items()]
INTEGERS = st.integers(-3, 200) | st.integers(-(2**70), 2**70) | st.integers(2**63 - 2, 2**63 + 1)
FLOATS = st.floats() | st.floats(-1, 300) | INTEGERS.map(float)


@pytest.mark.parametrize(
    ("kind", "name", "number"), CASES, ids=lambda value: getattr(value, "__name__", value)
)
@settings(max_examples=100)
@given(data=st.data())
def test_any_number_is_taken_within_its_range_or_refused_by_name(
    kind: Any, name: str, number: type, data: st.DataObject
) -> None:
    several = st.lists(FLOATS if name == "fire_rate" else INTEGERS, max_size=5).map(tuple)
    values = several if number is tuple else INTEGERS if number is int else FLOATS
    value = data.draw(values)
    others: dict[str, Any] = {"batch_size": 4} if name == "pool_size" else {}
    others |= {"pool_size": 10**9} if kind is TrainSettings and name == "batch_size" else {}
    others |= {"images": (Path("photo.jpg"),)} if kind is ClassifySettings else {}
    others |= {"layout": "board"} if name == "board_size" else {}
    try:
        made = kind(**{name: value}, **others)
        refuse_impossible(made)
    except UsageError as error:
        line = str(error)
        assert "\n" not in line
        assert flag_of(name, True) in line
        return
    assert getattr(made, name) == value
    if number is tuple and name == "fire_rate":
        assert len(value) <= 2
        assert all(0 < each <= 1 for each in value)
    elif name == "hidden":
        assert 1 <= len(value) <= 4
        assert all(1 <= each <= 512 for each in value)
    elif number is tuple:
        assert len(value) in (2, 4)
        assert all(each >= 1 for each in value)
    else:
        least, most = LEAST_AND_MOST.get(name, (1, 10**9))
        assert least <= value <= most
        assert math.isfinite(value)


@given(seed=st.integers(0, 2**63 - 1))
@example(0)
@example(2**63 - 1)
def test_every_seed_in_range_is_one_that_generators_take(seed: int) -> None:
    from ca.system.seeds import seeded, stream

    seeded(seed)
    assert stream("cpu", seed, 0, 1, 0).initial_seed() != stream("cpu", seed, 0, 0, 1).initial_seed()
