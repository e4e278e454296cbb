"""The file of a sweep: the trials that it describes, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca.settings.parsing import parse
from ca.settings.training import TrainSettings
from ca.sweep.file import read_space
from ca.sweep.space import Space, words_of
from ca.system.errors import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples" / "sweeps"


def space_of(tmp_path: Path, text: str) -> Space:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    return read_space(path)


def test_a_grid_has_every_combination_with_every_variant(tmp_path: Path) -> None:
    space = space_of(
        tmp_path,
        """
        metric = "held_out_agreement"
        [settings]
        recipe = "quick"
        [[variants]]
        hidden = [16, 8]
        communication-channels = 4
        [[variants]]
        hidden = [32]
        [grid]
        seed = [0, 1]
        augment = [true, false]
        """,
    )
    assert space.metric == "held_out_agreement"
    points = list(space.points())
    assert len(points) == space.number_of_trials == 8
    assert points[0] == {"hidden": [16, 8], "communication_channels": 4, "seed": 0, "augment": True}
    assert len({repr(point) for point in points}) == 8
    trial = space.settings_of(points[-1])
    assert trial == TrainSettings(recipe="quick", hidden=(32,), seed=1, augment=False)
    assert space.values_of(points[-1], ["communication_channels", "ticks"]) == [9, [10, 20, 30, 50]]


def test_a_search_has_ranges_and_choices(tmp_path: Path) -> None:
    space = space_of(
        tmp_path,
        """
        trials = 30
        [search]
        rate = { low = 1e-4, high = 1e-2, log = true }
        communication-channels = { low = 2, high = 20, whole = true }
        loss = ["l2", "cross-entropy"]
        hidden = [[32], [64, 64]]
        """,
    )
    assert space.number_of_trials == 30
    assert list(space.search) == ["rate", "communication_channels", "loss", "hidden"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_are_accepted(path: Path) -> None:
    assert read_space(path).number_of_trials > 1


@given(
    st.fixed_dictionaries(
        {
            "rate": st.floats(1e-6, 1),
            "seed": st.integers(0, 2**63 - 1),
            "hidden": st.lists(st.integers(1, 512), min_size=1, max_size=4),
            "augment": st.booleans(),
            "loss": st.sampled_from(["l2", "cross-entropy"]),
        }
    )
)
def test_words_are_read_as_the_same_settings(values: dict) -> None:
    found = parse(["train", *words_of(values)])
    assert {name: getattr(found, name) for name in values} == {**values, "hidden": tuple(values["hidden"])}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid", "is not the file of a sweep: "),
        ("[grid]\nsteps = 5", "is not the file of a sweep: Expected `array`, got `int` - at `$.grid[...]`"),
        ("[grids]\nseed = [1]", "there is no part grids: see docs/sweeps.md"),
        ("[grid]\nwidth = [1]", "ca train has no flag --width"),
        ("[grid]\nbatch-size = [4, 5]", "--batch-size must be a multiple of 4, not 5"),
        ("[settings]\nhidden = []", "--hidden must be one to 4 widths"),
        ("[grid]\nseed = []", "--seed has no values"),
        ("[settings]\noutput-dir = 'x'", "--output-dir is given to each trial by the sweep: leave it out"),
        ("[search]\nrate = { low = 1e-4, high = 1e-3 }", "trials is the number of trials of a [search]"),
        ("trials = 3", "trials is the number of trials of a [search]"),
        ("trials = 3\n[search]\nrate = { low = 0.1, high = 0.01 }", "low must be below high"),
        ("trials = 3\n[search]\nrate = { low = 0, high = 1, log = true }", "above 0 if log, not 0 and 1"),
        ("trials = 3\n[search]\nrate = { low = 0.1, high = 2 }", "--rate must be above 0 and up to 1, not 2"),
        ("trials = 3\n[search]\nseed = [1, 2]\n[grid]\nsteps = [1]", "a search has no grid and no variants"),
        ("trials = 3\n[search]\nhidden = []", "--hidden has no values"),
        ("trials = 3\n[search]\nseed = { low = 1, high = 9 }", "--seed"),
        (
            "trials = 3\n[search]\nbatch-size = { low = 16, high = 64, whole = true }",
            "a multiple of 4, not 17",
        ),
        ("trials = 3\n[search]\nseed = { low = 0.5, high = 9, whole = true }", "must be whole numbers"),
        ("trials = 3\n[search]\nrate = { low = 0.1, high = 0.2, step = 3 }", "an unknown part step"),
        ("metric = 'accuracy'", "held_out_digit_accuracy, not 'accuracy'"),
        ("metric = 'varied_agreement'", "metric must be one of held_out_cell_accuracy, "),
        ("[settings]\nheld-out = 0", "--held-out 0 leaves no digits to score"),
        ("[settings]\nbatch-size = 4\nbatch_size = 8", "given twice, with - and with _"),
        ("[settings]\ndata-dir = 'x'", "--data-dir is given to each trial by the sweep"),
        ("[settings]\ndataset = 1979-05-27", "--dataset can't be 1979-05-27"),
        ("[grid]\nhidden = [['--help']]", "--hidden can't be --help"),
        ("[grid]\nseed = [1, 2, 1]", "--seed has a value twice: [1, 2, 1]"),
        ("[grid]\ndevice = ['cpu', 'cuda']", "--device is for all trials"),
        ("[[variants]]\nseed = 1\n[grid]\nseed = [2]", "--seed is in [grid] and in [[variants]]"),
        ("x = " + "[" * 3000 + "]" * 3000, "is not the file of a sweep"),
        ("trials = 0\n[search]\nseed = [1, 2]", "there would be 0 trials: 1 to 5,000 are possible"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        space_of(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path / "sweep.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^can't read .*nope.toml: No such file or directory$"):
        read_space(tmp_path / "nope.toml")
