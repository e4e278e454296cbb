"""From command lines to settings: recipes, flags, and every value out of range in one line."""

from pathlib import Path
from typing import Any

import pytest
from support.helpers import error_line

from ca.cli import main
from ca.settings.commands import BenchmarkSettings, EvaluateSettings, ReportSettings
from ca.settings.parsing import parse
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError

COMMANDS = "train, evaluate, classify, report, demo, export, benchmark, sweep"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("", f"a command is missing: {COMMANDS}; see ca --help"),
        ("trian", "ca has no command trian: did you mean train? see ca --help"),
        ("x", f"ca has no command x: there are {COMMANDS}; see ca --help"),
        (
            "--device cpu train",
            "ca has no flag --device: flags follow a command, as in ca train; see ca --help",
        ),
        ("train --no-such-flag", "ca train has no flag --no-such-flag; see ca train --help"),
        (
            "train --firerate 3",
            "ca train has no flag --firerate: did you mean --fire-rate? see ca train --help",
        ),
        ("train --lr 3", "ca train has no flag --lr; see ca train --help"),
        ("train -b 3", "ca train has no flag -b; see ca train --help"),
        (
            "train --batchsize=4",
            "ca train has no flag --batchsize: did you mean --batch-size? see ca train --help",
        ),
        (
            "evaluate --rate 1 x",
            "ca evaluate has no flag --rate: did you mean --fire-rate? see ca evaluate --help",
        ),
        ("train x", "ca train has no use for 'x'; see ca train --help"),
        ("train --steps", "missing value for argument '--steps'. Expected 1 values; see ca train --help"),
        ("train --steps many", "error parsing --steps: 'many' is not a whole number; see ca train --help"),
        ("train --steps 1e999", "error parsing --steps: '1e999' is not a whole number; see ca train --help"),
        ("train --steps 1.5", "error parsing --steps: '1.5' is not a whole number; see ca train --help"),
        ("train --steps nan", "error parsing --steps: 'nan' is not a whole number; see ca train --help"),
        ("train --ticks 3 x", "error parsing --ticks: 'x' is not a whole number; see ca train --help"),
        ("evaluate --fps x", "error parsing --fps: 'x' is not a number; see ca evaluate --help"),
        ("evaluate --noise x", "error parsing --noise: 'x' is not a number; see ca evaluate --help"),
        (
            "train --recipe worst",
            "invalid choice 'worst' for argument '--recipe'. "
            "Expected one of ('best', 'quick', 'article', 'drawn'); see ca train --help",
        ),
        ("export", "ca export takes [CHECKPOINT] FILE, not nothing; see ca export --help"),
        ("export a b c", "ca export takes [CHECKPOINT] FILE, not a b c; see ca export --help"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(
    arguments: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_line(arguments.split(), 2, capsys) == line


def test_underscores_and_numbers_with_a_sign_are_read() -> None:
    assert parse(["train", "--batch_size", "8"]) == TrainSettings(batch_size=8)
    assert parse(["evaluate", "--noise", "1e-1", "--", "-x"]) == EvaluateSettings(
        noise=0.1, checkpoint=Path("-x")
    )


def bad_values() -> list[Any]:
    """List (command, flag, value, rule) for every number that a user can set."""
    counts = {
        "train": ["--steps", "--batch-size", "--pool-size", "--checkpoint-every"],
        "evaluate": ["--batch-size", "--n-stages", "--n-steps-per-stage", "--zoom-scale"],
        "report": ["--n-steps-per-stage"],
        "benchmark": ["--repeats", "--batch-size", "--ticks"],
    }
    cases = [
        (command, flag, value, "must be at least 1")
        for command, flags in counts.items()
        for flag in flags
        for value in ("0", "-5")
    ]
    cases += [("train", "--held-out", "-1", "must be at least 0")]
    cases += [("demo", "--port", value, "must be between 0 and 65535") for value in ("-1", "65536")]
    cases += [("evaluate", "--board-size", value, "must be at least 28") for value in ("27", "-1")]
    cases += [("report", "--n-digits", value, "must be at least 2") for value in ("-1", "0", "1")]
    cases += [
        (command, "--seed", value, "must be between 0 and 2^63 - 1")
        for command in counts
        for value in ("-1", str(2**63))
    ]
    cases += [
        ("evaluate", "--fps", value, "must be between 1 and 240")
        for value in ("0", "-1", "0.99", "240.1", "1e9", "nan", "inf")
    ]
    cases += [
        ("evaluate", "--fire-rate", value, "must be between 0 and 1")
        for value in ("-0.1", "1.1", "nan", "inf", "-inf")
    ]
    cases += [
        ("evaluate", "--noise", value, "must be between 0 and 1000")
        for value in ("-0.1", "1e4", "nan", "inf")
    ]
    cases += [
        ("train", "--written-share", value, "must be between 0 and 1")
        for value in ("-0.1", "1.1", "nan", "inf")
    ]
    cases += [
        ("train", "--fire-rate", value, "must be one or two numbers above 0 and up to 1, the lower first")
        for value in ("0", "-0.1", "1.1", "nan", "inf")
    ]
    cases += [("train", "--batch-size", value, "must be a multiple of 4") for value in ("6", "15", "17")]
    return [pytest.param(*case, id=" ".join(case[:3])) for case in cases]


@pytest.mark.parametrize(("command", "flag", "value", "rule"), bad_values())
def test_a_number_out_of_range_is_one_line_with_flag_rule_and_value(
    command: str,
    flag: str,
    value: str,
    rule: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ca.cli.run", lambda settings: pytest.fail("the work was begun"))
    line = error_line([command, flag, value], 2, capsys)
    shown = str(float(value)) if flag in ("--fps", "--fire-rate", "--noise", "--written-share") else value
    assert line.startswith(f"{flag} {rule}")
    assert line.endswith(f", not {shown}")


def test_a_pool_smaller_than_the_batch_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(["train", "--batch-size", "16", "--pool-size", "15"], 2, capsys)
    assert line == "--pool-size 15 is too small for --batch-size 16"


def test_values_at_the_edges_are_accepted() -> None:
    for settings in (TrainSettings, EvaluateSettings, ReportSettings, BenchmarkSettings):
        assert settings(seed=0).seed == 0
        assert settings(seed=2**63 - 1).seed == 2**63 - 1
    for rate in (0.0, 1.0):
        assert EvaluateSettings(fire_rate=rate).fire_rate == rate
    for fps in (1.0, 240.0):
        assert EvaluateSettings(fps=fps).fps == fps
    assert EvaluateSettings(noise=0.0, batch_size=1, zoom_scale=1).noise == 0
    assert TrainSettings(batch_size=4, pool_size=4, steps=1, ticks=(1, 1), held_out=0).pool_size == 4
    assert ReportSettings(n_digits=2, n_steps_per_stage=1).n_digits == 2


def test_flags_of_train_reach_its_settings() -> None:
    arguments = ["train", "--recipe", "article", "--regime", "naive", "--loss", "cross-entropy"]
    settings = parse(
        [*arguments, "--noise-level", "0", "--steps", "100_000", "--seed", "7", "--data-dir", "d"]
    )
    assert settings == TrainSettings(
        recipe="article", regime="naive", loss="cross-entropy", noise_level=0.0, seed=7, data_dir=Path("d")
    )
    assert parse(["train", "--ticks", "3", "9"]) == TrainSettings(ticks=(3, 9))
    assert parse(["train", "--ticks", "3", "9", "4", "9"]) == TrainSettings(ticks=(3, 9, 4, 9))
    assert parse(["train"]) == TrainSettings()
    assert parse(["train", "--steps", "2e3", "--checkpoint-every", "1_0"]) == TrainSettings(
        steps=2_000, checkpoint_every=10
    )


@pytest.mark.parametrize(
    ("arguments", "steps", "ticks"),
    [
        ([], 100_000, (10, 20, 30, 50)),
        (["--recipe", "quick"], 4_000, (10, 20, 30, 50)),
        (["--recipe", "article"], 100_000, (20, 20)),
        (["--steps", "9", "--recipe", "quick"], 9, (10, 20, 30, 50)),
        (["--ticks", "15", "30", "--recipe", "article"], 100_000, (15, 30)),
    ],
)
def test_a_recipe_sets_what_the_command_line_does_not(
    arguments: list[str], steps: int, ticks: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    monkeypatch.setattr("ca.cli.run", ran.append)
    main(["train", *arguments])
    (settings,) = ran
    assert (settings.steps, settings.ticks) == (steps, ticks)


@pytest.mark.parametrize(
    "ticks",
    [("0", "3"), ("4", "3"), ("-2", "-1"), ("3",), ("1", "2", "3"), ("1", "2", "4", "3"), tuple("12345")],
)
def test_ticks_that_are_not_a_range_are_one_line(
    ticks: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_line(["train", "--ticks", *ticks], 2, capsys)
    assert (
        line
        == f"--ticks must be two or four numbers from 1 on, the lower of two first, not {' '.join(ticks)}"
    )


@pytest.mark.parametrize("rates", [("1", "0.5"), ("0.5", "0.7", "0.9"), ("0.5", "nan")])
def test_fire_rates_that_are_not_a_range_are_one_line(
    rates: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    given = " ".join(str(float(rate)) for rate in rates)
    assert error_line(["train", "--fire-rate", *rates], 2, capsys) == (
        f"--fire-rate must be one or two numbers above 0 and up to 1, the lower first, not {given}"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", (False, 0.0, ())),
        ("--recipe drawn", (True, 0.25, (0.25, 1.0))),
        ("--recipe drawn --no-augment --written-share 0 --fire-rate", (False, 0.0, ())),
        ("--augment --recipe quick --fire-rate 0.3 --written-share 1", (True, 1.0, (0.3,))),
    ],
)
def test_a_recipe_sets_on_what_a_run_trains_unless_it_is_given(
    words: str, expected: tuple[bool, float, tuple[float, ...]]
) -> None:
    settings = parse(["train", *words.split()])
    assert isinstance(settings, TrainSettings)
    assert (settings.augment, settings.written_share, settings.fire_rate) == expected
    assert settings.board_side == (64 if settings.augment or settings.written_share else 28)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["train", "--output-dir=~/x"], "output_dir"),
        (["train", "--output-dir", "~/x"], "output_dir"),
        (["train", "--data-dir=~/x"], "data_dir"),
        (["train", "--resume", "~/x"], "resume"),
        (["train", "--start-from", "~/x"], "start_from"),
        (["evaluate", "~/x"], "checkpoint"),
        (["evaluate", "--output-dir=~/x"], "output_dir"),
        (["demo", "~/x"], "checkpoint"),
        (["demo", "--data-dir=~/x"], "data_dir"),
        (["export", "~/x", "page"], "checkpoint"),
        (["export", "c", "~/x"], "file"),
        (["report", "~/x", "--output-dir=~/x"], "output_dir"),
        (["benchmark", "--output-dir=~/x"], "output_dir"),
    ],
)
def test_every_path_expands_the_home(words: list[str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/some/home")
    assert Path(getattr(parse(words), name)) == Path("/some/home/x")
    assert not any("~" in str(value) for value in vars(parse(words)).values())


def test_a_home_that_is_not_known_is_left_as_it_is() -> None:
    words = ["report", "~no-such-user/a", "b", "--output-dir=~no-such-user/x"]
    settings = parse(words)
    assert isinstance(settings, ReportSettings)
    assert settings.output_dir == Path("~no-such-user/x")
    assert settings.checkpoints == (Path("~no-such-user/a"), Path("b"))


def test_a_deleted_working_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FailedError, match=r"^the working directory does not exist any more"):
        parse(["report"])
