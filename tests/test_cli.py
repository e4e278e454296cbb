"""The command line: what it prints, where, and which code it ends with."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.helpers import reseal, told_in_child

import ca.cli
from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.cli import main, parse
from ca.data.digits import Digits
from ca.settings.commands import BenchmarkSettings, EvaluateSettings, ReportSettings
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError, UsageError

SMALL = ["--batch-size", "4", "--pool-size", "8", "--ticks", "2", "2", "--held-out", "0", "--device", "cpu"]


def told_of(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that fails and return its one line on stderr, without "ca: "."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == code
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("ca: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    return error.removeprefix("ca: ").removesuffix("\n")


def run_python(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


# Help and version


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from ca.cli import main
try:
    main(["--help"])
except SystemExit as error:
    heavy = {"torch", "torchvision", "numpy", "matplotlib", "PIL", "imageio", "safetensors"}
    print("CODE", error.code, sorted(heavy & sys.modules.keys()))
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert "CODE 0 []\n" in result.stdout
    for command in ("train", "evaluate", "report", "benchmark"):
        assert command in result.stdout
    assert result.stderr == ""


def test_the_completion_for_bash_is_a_script(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--tyro-write-completion", "bash", str(tmp_path / "ca.sh")])
    assert not caught.value.code
    assert "--checkpoint-every" in (tmp_path / "ca.sh").read_text()
    subprocess.run(["bash", "-n", str(tmp_path / "ca.sh")], check=True)


@pytest.mark.parametrize("command", ["train", "evaluate", "report", "benchmark"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    output, error = capsys.readouterr()
    assert "--seed" in output
    assert "--device" in output
    assert error == ""


def test_version_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr() == (f"ca {version('ca')}\n", "")


# Errors


@pytest.mark.parametrize(("error", "code"), [(FailedError, 1), (UsageError, 2)])
def test_errors_are_one_line_on_stderr_and_an_exit_code(
    error: type[FailedError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(settings: Any) -> None:
        raise error("the disk is full")

    monkeypatch.setattr("ca.cli.run", fail)
    assert told_of(["train"], code, capsys) == "the disk is full"


def test_output_that_nobody_reads_is_no_traceback() -> None:
    """As in `ca evaluate | true`."""

    def work() -> None:
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
        sys.stdout = open(1, "w")  # noqa: SIM115
        main(["--version"])

    assert told_in_child(work) == (1, "")


def test_an_interrupt_is_one_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(settings: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ca.cli.run", interrupted)
    assert told_of(["train"], 130, capsys) == "interrupted"


def test_other_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are defects of ours: nothing may hide them."""

    def fail(settings: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ca.cli.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["train"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["trian"],
        ["train", "--no-such-flag"],
        ["train", "--steps", "many"],
        ["train", "--steps", "1e999"],
        ["train", "--steps", "1.5"],
        ["train", "--steps", "nan"],
        ["train", "--recipe", "worst"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_can_not_be_read_is_explained(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert "Traceback" not in error
    assert "--help" in error


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
    line = told_of([command, flag, value], 2, capsys)
    shown = str(float(value)) if flag in ("--fps", "--fire-rate", "--noise") else value
    assert line.startswith(f"{flag} {rule}")
    assert line.endswith(f", not {shown}")


def test_a_pool_smaller_than_the_batch_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = told_of(["train", "--batch-size", "16", "--pool-size", "15"], 2, capsys)
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


@pytest.mark.parametrize(
    ("device", "code", "message"),
    [
        ("cuda:99", 1, "device 'cuda:99' is not available here: use --device cpu"),
        ("xla", 1, "device 'xla' is not available here: use --device cpu"),
        ("nonsense", 2, "--device nonsense is unknown: use auto, cpu, cuda, cuda:N or mps"),
        ("cuda:", 2, "--device cuda: is unknown"),
        ("hpu", 1, "device 'hpu' is not available here"),
        ("meta", 1, "device 'meta' is not available here"),
    ],
)
def test_a_device_that_is_not_there_is_one_line(
    device: str,
    code: int,
    message: str,
    tmp_path: Path,
    few_digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ca.train.run.load_digits", lambda dataset, split, data_dir: few_digits)
    arguments = ["train", *SMALL[:-2], "--steps", "1", "--output-dir", str(tmp_path / "run")]
    line = told_of([*arguments, "--device", device], code, capsys)
    assert line.startswith(message)
    assert not (tmp_path / "run").exists()


# Training


@pytest.fixture
def drawing_nothing(monkeypatch: pytest.MonkeyPatch, few_digits: Digits) -> None:
    monkeypatch.setattr("ca.train.run.load_digits", lambda dataset, split, data_dir: few_digits)
    monkeypatch.setattr("ca.train.output.draw_loss_history", lambda rows, path: None)
    monkeypatch.setattr("ca.train.output.draw_batch", lambda *grids, **options: None)


def test_train_works_in_a_process_of_its_own(tmp_path: Path) -> None:
    """On the bundled digits, with all figures, in a folder with a space and an accent in its name.

    And where much is amiss: no home, no display, a backend for figures that does not exist, a C locale.
    """
    home = tmp_path / "é x"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "LANG")}
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    environment |= {"HOME": "/proc/x", "MPLBACKEND": "nonsense", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": ""}
    code = "from ca.cli import main; main()"
    arguments = ["train", *SMALL[:-1], "auto", "--steps", "3", "--output-dir", "run 1"]
    result = run_python(code, *arguments, cwd=home, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    checkpoint = Path("run 1") / "model-steps-3"
    first, last = (line for line in result.stderr.splitlines() if "compiled kernel" not in line)
    assert first.startswith("step 3: loss ")
    assert first.endswith(f"; wrote {checkpoint}")
    assert last == f"see it at work: ca evaluate '{checkpoint}'"
    assert load_checkpoint(home / checkpoint).step == 3


def test_flags_of_train_reach_its_settings() -> None:
    arguments = ["train", "--recipe", "article", "--regime", "naive", "--loss", "cross-entropy", "--no-noise"]
    settings = parse([*arguments, "--steps", "100_000", "--seed", "7", "--data-dir", "d"])
    assert settings == TrainSettings(
        recipe="article", regime="naive", loss="cross-entropy", noise=False, seed=7, data_dir=Path("d")
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
def test_ticks_that_are_no_range_are_one_line(
    ticks: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    line = told_of(["train", "--ticks", *ticks], 2, capsys)
    assert (
        line
        == f"--ticks must be two or four numbers from 1 on, the lower of two first, not {' '.join(ticks)}"
    )


@pytest.mark.usefixtures("drawing_nothing")
def test_resuming_keeps_the_run_s_settings_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--regime", "persistent", "--loss", "cross-entropy", "--no-noise", "--seed", "3"]
    main(["train", *SMALL, *options, "--steps", "4", "--output-dir", "first"])
    main(["train", "--resume", "first/model-steps-4", "--steps", "8", "--device", "cpu"])
    assert [path.name for path in checkpoints_in(Path("first"))] == ["model-steps-4", "model-steps-8"]
    first, second = (load_checkpoint(Path(f"first/model-steps-{step}")).config for step in (4, 8))
    assert second["training"] == {**first["training"], "steps": 8}
    assert first["training"]["regime"] == "persistent"
    assert not Path("outputs_train").exists()
    capsys.readouterr()
    line = told_of(["train", "--resume", "first/model-steps-8", "--steps", "9", "--seed", "4"], 2, capsys)
    assert line == "can't resume first/model-steps-8 with --seed 4: it has --seed 3"
    line = told_of(["train", "--resume", "first/model-steps-8"], 2, capsys)
    assert line == "first/model-steps-8 has 8 steps already: give --steps a higher number"


@pytest.mark.usefixtures("drawing_nothing")
def test_the_same_command_begins_a_run_and_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its newest checkpoint that is whole; the others are told of."""
    monkeypatch.chdir(tmp_path)
    command = ["train", *SMALL, "--checkpoint-every", "2", "--output-dir", "run", "--resume", "run"]
    main([*command, "--steps", "4"])
    assert [path.name for path in checkpoints_in(Path("run"))] == ["model-steps-2", "model-steps-4"]
    Path("run/model-steps-4/model.safetensors").write_bytes(b"torn")
    capsys.readouterr()
    main([*command, "--steps", "6"])
    told = capsys.readouterr().err
    assert told.startswith(
        "ca: passing over run/model-steps-4: run/model-steps-4/model.safetensors is damaged"
    )
    assert [load_checkpoint(path).step for path in checkpoints_in(Path("run"))] == [2, 4, 6]
    Path("run/model-steps-6/model.safetensors").write_bytes(b"torn")
    line = told_of(["train", "--resume", "run/model-steps-6", "--steps", "9"], 1, capsys)
    assert line.startswith("run/model-steps-6/model.safetensors is damaged")


@pytest.mark.usefixtures("drawing_nothing")
def test_going_on_on_another_machine_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    main(["train", *SMALL, "--steps", "2", "--output-dir", str(folder)])
    main(["train", "--resume", str(folder), "--steps", "4", "--device", "cpu"])
    assert "bit for bit" not in capsys.readouterr().err
    other = {"torch": "1.0", "threads": 64}
    reseal(folder / "model-steps-4", lambda config: config["machine"].update(other))
    main(["train", "--resume", str(folder), "--steps", "6", "--device", "cpu"])
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "bit for bit" in each]
    assert line.startswith("ca: not bit for bit as before: torch ")
    assert line.endswith(", was '1.0'; threads 1, was 64")


@pytest.mark.usefixtures("drawing_nothing")
def test_resuming_elsewhere_leaves_the_first_folder_alone(tmp_path: Path) -> None:
    main(["train", *SMALL, "--steps", "2", "--output-dir", str(tmp_path / "first")])
    checkpoint = tmp_path / "first" / "model-steps-2"
    resume = ["train", "--resume", str(checkpoint), "--device", "cpu", "--steps", "3"]
    main([*resume, "--output-dir", str(tmp_path / "second")])
    assert checkpoints_in(tmp_path / "first") == [checkpoint]
    assert checkpoints_in(tmp_path / "second") == [tmp_path / "second" / "model-steps-3"]


def test_resuming_what_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = told_of(["train", "--resume", str(tmp_path / "nope")], 1, capsys)
    assert line == f"there is no checkpoint {tmp_path / 'nope'}: ca train makes them"


@pytest.mark.usefixtures("drawing_nothing")
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 5),
        ("seed", -1),
        ("steps", "many"),
        ("ticks", 2.5),
        ("regime", "wild"),
        ("loss", "none"),
        ("recipe", "worst"),
        ("noise", "yes"),
    ],
)
def test_a_checkpoint_with_settings_that_make_no_sense_is_one_line(
    setting: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", *SMALL, "--steps", "2", "--output-dir", str(tmp_path)])
    checkpoint = tmp_path / "model-steps-2"
    reseal(checkpoint, lambda config: config["training"].update({setting: value}))
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["train", "--resume", str(checkpoint), "--steps", "4", "--device", "cpu"])
    assert caught.value.code in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith("ca: ")
    assert error.count("\n") == 1


def test_a_folder_that_can_not_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "run"
    line = told_of(["train", "--device", "cpu", "--output-dir", str(folder)], 1, capsys)
    assert line == f"can't write into {folder}: Not a directory; choose another --output-dir"


@pytest.mark.parametrize(
    ("settings", "module"),
    [
        (TrainSettings(), "train"),
        (EvaluateSettings(), "evaluate"),
        (ReportSettings(), "report"),
        (BenchmarkSettings(), "benchmark"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_command_runs_its_own_workflow(
    settings: Any, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, Any]] = []

    def recorder(name: str) -> Callable[[Any], None]:
        return lambda given: ran.append((name, given))

    for name in ("train", "evaluate", "report", "benchmark"):
        monkeypatch.setattr(f"ca.{name}.command.{name}", recorder(name))
    ca.cli.run(settings)
    assert ran == [(module, settings)]
