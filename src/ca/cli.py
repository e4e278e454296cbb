"""The command line `ca`: which subcommand runs what, and errors in one line.

Only what parsing needs is imported here; each workflow is imported when its subcommand runs.
"""

import logging
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

from ca import __version__
from ca.settings.commands import (
    ClassifySettings,
    DemoSettings,
    EvaluateSettings,
    ExportSettings,
    ReportSettings,
    Settings,
    SweepSettings,
)
from ca.settings.limits import refuse_impossible
from ca.settings.parsing import parse
from ca.settings.training import OF_ARCHITECTURE, TrainSettings, settings_of
from ca.system.errors import FailedError
from ca.system.launcher import read_launch
from ca.system.packages import refuse_missing
from ca.system.signals import ended_by_ctrl_c
from ca.system.streams import finish, print_error

INTERRUPTED = 130
OUT_OF_MEMORY = (
    "allocate memory",
    "out of memory",
    "bad_alloc",
    "failed to map segment",
)  # in the messages of libraries' errors


def main(arguments: list[str] | None = None) -> None:
    """Run a command line; raises SystemExit unless the exit code is 0."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.pop("MPLBACKEND", None)  # figures need no window; an unknown value would be an error
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")  # the CPU computes what MPS can't, as SOAP's QR
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that cannot be written
    try:
        if arguments == ["--version"]:
            print(f"ca {__version__}")
        else:
            try:
                _run_arguments(arguments)
            except SystemExit:  # after the help, for example
                sys.stdout.flush()
                raise
        sys.stdout.flush()
    except KeyboardInterrupt:
        print_error("ca: interrupted")
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        finish(sys.stdout)
        if sys.flags.dev_mode and not isinstance(error, FailedError):
            raise
        if not isinstance(error, BrokenPipeError):  # nobody reads stdout any more
            print_error(f"ca: {_in_one_line(error)}")
        raise SystemExit(
            error.exit_code if isinstance(error, FailedError) else FailedError.exit_code
        ) from None


def _in_one_line(error: Exception) -> str:
    """What went wrong, and where it helps, what to do."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if isinstance(error, FailedError):
        return str(error)
    if isinstance(error, MemoryError) or any(words in lines[0] for words in OUT_OF_MEMORY):
        return "there is not enough memory: use smaller numbers, for example a smaller --batch-size"
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename is not None else ""
        return f"{name}{error.strerror or lines[0]}"
    return f"unexpected {type(error).__name__}: {lines[0]}; PYTHONDEVMODE=1 shows where"


def _run_arguments(arguments: list[str]) -> None:
    with ended_by_ctrl_c():  # also while a checkpoint to resume from, and PyTorch for it, are loaded
        settings = parse(arguments)
        if isinstance(settings, TrainSettings):
            _share_cores()
            if settings.resume is not None:
                defaults = _resumed_settings(settings)
                if defaults.resume is None and settings.start_from is not None:
                    defaults = _with_architecture_of_start(defaults)
                settings = replace(parse(arguments, defaults), resume=defaults.resume)
            elif settings.start_from is not None:
                settings = parse(arguments, _with_architecture_of_start(settings))
        refuse_impossible(settings)
    run(settings)


def _resumed_settings(settings: TrainSettings) -> TrainSettings:
    """The settings of the run that `--resume` names, with its checkpoint; those given if it is a new run."""
    from ca.checkpoint.folder import load_checkpoint, newest_checkpoint

    assert settings.resume is not None
    checkpoint = newest_checkpoint(settings.resume)
    if checkpoint is None:
        if os.path.realpath(settings.resume) == os.path.realpath(settings.output_dir):
            return replace(settings, resume=None)
        checkpoint = load_checkpoint(settings.resume)
        path = checkpoint.path
        if path.is_symlink() or path.name in ("", ".."):  # its parent is not the folder of the run
            path = Path(os.path.realpath(path))
    else:
        path = checkpoint.path
    return TrainSettings(**asdict(checkpoint.config.training), output_dir=path.parent, resume=path)


def _with_architecture_of_start(settings: TrainSettings) -> TrainSettings:
    """The settings with the architecture of the checkpoint that `--start-from` names."""
    from ca.checkpoint.folder import load_checkpoint

    found = settings_of(load_checkpoint(Path(settings.start_from or "")).automaton.architecture)
    return replace(settings, **{name: found[name] for name in OF_ARCHITECTURE})


def _share_cores() -> None:
    """Give each of the processes that `torchrun` starts its share of the cores; it sets one core each."""
    processes = read_launch().local_size
    if processes > 1 and os.environ.get("OMP_NUM_THREADS") == "1":
        os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // processes))


def run(settings: Settings) -> None:
    """Run the workflow that the settings belong to."""
    if isinstance(settings, TrainSettings):
        with ended_by_ctrl_c():  # except in the steps, which are finished and saved
            from ca.train.command import train

            train(settings)
    elif isinstance(settings, EvaluateSettings):
        with ended_by_ctrl_c():
            from ca.evaluate.command import evaluate
        evaluate(settings)
    elif isinstance(settings, ClassifySettings):
        with ended_by_ctrl_c():
            from ca.photo.command import classify
        classify(settings)
    elif isinstance(settings, ReportSettings):
        with ended_by_ctrl_c():
            from ca.report.command import report
        report(settings)
    elif isinstance(settings, DemoSettings):
        with ended_by_ctrl_c():
            from ca.page.demo import demo
        demo(settings)
    elif isinstance(settings, ExportSettings):
        with ended_by_ctrl_c():
            from ca.page.export import export
        export(settings)
    elif isinstance(settings, SweepSettings):
        refuse_missing("optuna", "ca sweep")
        with ended_by_ctrl_c():
            from ca.sweep.command import sweep
        sweep(settings)
    else:
        with ended_by_ctrl_c():
            from ca.benchmark.command import benchmark
        benchmark(settings)
