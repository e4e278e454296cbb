"""The command line: what it prints, where, and which code it ends with."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.helpers import error_line, reseal, told_in_child

import ca.cli
from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.settings.commands import BenchmarkSettings, EvaluateSettings, ReportSettings
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError, UsageError

SMALL = ["--batch-size", "4", "--pool-size", "8", "--ticks", "2", "2", "--held-out", "0", "--device", "cpu"]


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
    heavy = {"torch", "numpy", "scipy", "skimage", "matplotlib", "PIL", "imageio", "safetensors"}
    print("CODE", error.code, sorted(heavy & sys.modules.keys()))
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert "CODE 0 []\n" in result.stdout
    for word in ("train", "evaluate", "classify", "report", "demo", "export", "benchmark", "--version"):
        assert word in result.stdout
    assert result.stderr == ""


def test_the_completion_for_bash_is_a_script(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--tyro-write-completion", "bash", str(tmp_path / "ca.sh")])
    assert not caught.value.code
    assert "--checkpoint-every" in (tmp_path / "ca.sh").read_text()
    subprocess.run(["bash", "-n", str(tmp_path / "ca.sh")], check=True)


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "classify", "report", "benchmark", "demo", "export"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    output, error = capsys.readouterr()
    assert output.startswith(f"usage: ca {command} ")
    for flag in ("--seed", "--device"):
        assert (flag in output) == (command not in ("demo", "export"))
    assert "None" not in output
    assert error == ""


@pytest.mark.parametrize("command", ["evaluate", "demo", "report"])
def test_the_usage_shows_an_optional_checkpoint_as_optional(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    usage = capsys.readouterr().out.splitlines()[0]
    assert (" [CHECKPOINT ...]" if command == "report" else " [CHECKPOINT]") in usage


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
    assert error_line(["train"], code, capsys) == "the disk is full"


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
    assert error_line(["train"], 130, capsys) == "interrupted"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            ZeroDivisionError("division by zero"),
            "unexpected ZeroDivisionError: division by zero; PYTHONDEVMODE=1",
        ),
        (RuntimeError(), "unexpected RuntimeError: RuntimeError; "),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(13, "Permission denied", "x.png"), "x.png: Permission denied"),
        (
            MemoryError(),
            "there is not enough memory: use smaller numbers, for example a smaller --batch-size",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9"), "there is not enough memory"),
        (RuntimeError("CUDA out of memory. Tried\nto"), "there is not enough memory"),
        (RuntimeError("first\nsecond"), "unexpected RuntimeError: first; PYTHONDEVMODE=1 shows where"),
    ],
    ids=repr,
)
def test_what_a_library_raises_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(settings: Any) -> None:
        raise error

    monkeypatch.setattr("ca.cli.run", fail)
    assert error_line(["train"], 1, capsys).startswith(line)


def test_python_s_development_mode_shows_where_an_unexpected_error_is_from() -> None:
    code = """
import ca.cli
def fail(settings): raise ZeroDivisionError
ca.cli.run = fail
ca.cli.main(["train"])
"""
    result = run_python(code, env=os.environ | {"PYTHONDEVMODE": "1"})
    assert result.returncode == 1
    assert result.stderr.endswith("ZeroDivisionError\n")


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
    monkeypatch.setattr("ca.train.run.load_digits", lambda *_, **__: few_digits)
    arguments = ["train", *SMALL[:-2], "--steps", "1", "--output-dir", str(tmp_path / "run")]
    line = error_line([*arguments, "--device", device], code, capsys)
    assert line.startswith(message)
    assert not (tmp_path / "run").exists()


# Training


@pytest.fixture
def drawing_nothing(monkeypatch: pytest.MonkeyPatch, few_digits: Digits) -> None:
    monkeypatch.setattr("ca.train.run.load_digits", lambda *_, **__: few_digits)
    monkeypatch.setattr("ca.train.history.draw_loss_history", lambda rows, path: None)
    monkeypatch.setattr("ca.train.history.draw_batch", lambda *grids, **options: None)


@pytest.mark.usefixtures("drawing_nothing")
def test_resuming_keeps_the_run_s_settings_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--regime", "persistent", "--loss", "cross-entropy", "--noise-level", "0", "--seed", "3"]
    main(["train", *SMALL, *options, "--steps", "4", "--output-dir", "first"])
    main(["train", "--resume", "first/model-steps-4", "--steps", "8", "--device", "cpu"])
    assert [path.name for path in checkpoints_in(Path("first"))] == ["model-steps-4", "model-steps-8"]
    first, second = (load_checkpoint(Path(f"first/model-steps-{step}")).config.training for step in (4, 8))
    assert second == replace(first, steps=8)
    assert first.regime == "persistent"
    assert not Path("outputs_train").exists()
    capsys.readouterr()
    line = error_line(["train", "--resume", "first/model-steps-8", "--steps", "9", "--seed", "4"], 2, capsys)
    assert line == "can't resume first/model-steps-8 with --seed 4: it has --seed 3"
    line = error_line(["train", "--resume", "first/model-steps-8"], 2, capsys)
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
    assert told.startswith("ca: skipping run/model-steps-4: run/model-steps-4/model.safetensors is damaged")
    assert [load_checkpoint(path).step for path in checkpoints_in(Path("run"))] == [2, 4, 6]
    Path("run/model-steps-6/model.safetensors").write_bytes(b"torn")
    line = error_line(["train", "--resume", "run/model-steps-6", "--steps", "9"], 1, capsys)
    assert line.startswith("run/model-steps-6/model.safetensors is damaged")


@pytest.mark.usefixtures("drawing_nothing")
def test_going_on_on_another_machine_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    main(["train", *SMALL, "--steps", "2", "--output-dir", str(folder)])
    main(["train", "--resume", str(folder), "--steps", "4", "--device", "cpu"])
    assert "will differ" not in capsys.readouterr().err
    other = {"torch": "1.0", "threads": 64}
    reseal(folder / "model-steps-4", lambda config: config["machine"].update(other))
    main(["train", "--resume", str(folder), "--steps", "6", "--device", "cpu"])
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "will differ" in each]
    assert line.startswith("ca: results will differ from an uninterrupted run: torch ")
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
    line = error_line(["train", "--resume", str(tmp_path / "nope")], 1, capsys)
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
        ("noise_level", "yes"),
        ("hidden", [0]),
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
    line = error_line(["train", "--device", "cpu", "--output-dir", str(folder)], 1, capsys)
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


@pytest.mark.usefixtures("drawing_nothing")
@pytest.mark.parametrize(
    ("folder", "resume"),
    [
        ("", "latest"),
        ("run/model-steps-2", "."),
        ("run", "."),
        ("run/model-steps-2", ".."),
        ("elsewhere", "../latest"),
    ],
)
def test_a_run_is_resumed_in_its_own_folder(
    folder: str, resume: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["train", *SMALL, "--steps", "2", "--output-dir", "run"])
    Path("latest").symlink_to("run/model-steps-2")
    Path("elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / folder)
    main(["train", "--resume", resume, "--steps", "3", "--device", "cpu"])
    assert [path.name for path in checkpoints_in(tmp_path / "run")] == ["model-steps-2", "model-steps-3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "latest", "run"]


@pytest.mark.usefixtures("drawing_nothing")
def test_a_folder_is_the_same_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ar").mkdir()
    for steps in ("2", "3"):
        words = ["--steps", steps, "--output-dir", "ar", "--resume", str(tmp_path / "ar")]
        main(["train", *SMALL, *words])
    assert [path.name for path in checkpoints_in(tmp_path / "ar")] == ["model-steps-2", "model-steps-3"]
