"""The numbers that follow from an architecture are those of the automaton that is made with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca.architecture import Architecture
from ca.model import CellularAutomaton

ARCHITECTURES = st.builds(
    Architecture,
    communication_channels=st.integers(0, 64),
    classes=st.integers(2, 64),
    hidden=st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple),
)


@given(architecture=ARCHITECTURES)
def test_its_numbers_are_those_of_the_automaton(architecture: Architecture) -> None:
    automaton = CellularAutomaton(architecture)
    assert automaton.architecture == architecture
    assert sum(parameter.numel() for parameter in automaton.parameters()) == architecture.parameters
    matrices = [parameter for parameter in automaton.parameters() if parameter.ndim == 2]
    of_liveness = 9 * architecture.hidden[0]
    assert sum(matrix.numel() for matrix in matrices) - of_liveness == architecture.multiplications
    assert automaton.perception_kernel().shape == (architecture.hidden[0], architecture.channels, 3, 3)
    names = [f"{name}.{kind}" for name in architecture.layers for kind in ("weight", "bias")]
    assert list(automaton.state_dict()) == names


def test_the_default_is_that_of_the_article() -> None:
    article = Architecture()
    assert (article.channels, article.state_channels, article.parameters) == (20, 19, 22_499)
    assert list(article.layers) == ["perception", "hidden", "residual"]
    assert list(Architecture(hidden=(1, 2, 3, 4)).layers.items()) == [
        ("perception", (180, 1)),
        ("hidden", (1, 2)),
        ("hidden_2", (2, 3)),
        ("hidden_3", (3, 4)),
        ("residual", (4, 19)),
    ]


def test_a_changed_fire_rate_and_noise_are_in_the_architecture() -> None:
    automaton = CellularAutomaton(Architecture(hidden=(8,)))
    automaton.fire_rate, automaton.noise = 0.25, 0.5
    assert automaton.architecture == Architecture(hidden=(8,), fire_rate=0.25, noise=0.5)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"communication_channels": -1}, "communication_channels must be from 0 to 64, not -1"),
        ({"classes": 65}, "classes must be from 2 to 64, not 65"),
        ({"hidden": ()}, "hidden must be one to 4 widths from 1 to 512, not none"),
        ({"hidden": (80, 513)}, "hidden must be one to 4 widths from 1 to 512, not 80 513"),
        ({"alive_threshold": float("nan")}, "alive_threshold must be from 0 to below 1, not nan"),
        ({"fire_rate": 1.1}, "fire_rate must be from 0 to 1, not 1.1"),
        ({"noise": float("inf")}, "noise must be at least 0, not inf"),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(numbers: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Architecture(**numbers)
