"""The command line `ca`: which subcommand runs what, and errors in one line.

Only what parsing needs is imported here; each workflow is imported when its subcommand runs.
"""

import logging
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

from ca import __version__
from ca.settings.commands import DemoSettings, EvaluateSettings, ExportSettings, ReportSettings, Settings
from ca.settings.limits import refuse_impossible
from ca.settings.parsing import parse
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError
from ca.system.signals import ended_by_ctrl_c

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.pop("MPLBACKEND", None)  # figures need no window; an unknown value would be an error
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that cannot be written
    try:
        if arguments == ["--version"]:
            print(f"ca {__version__}")
        else:
            _run_arguments(arguments)
        sys.stdout.flush()
    except FailedError as error:
        print(f"ca: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("ca: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # nobody reads stdout any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FailedError.exit_code) from None


def _run_arguments(arguments: list[str]) -> None:
    settings = parse(arguments)
    if isinstance(settings, TrainSettings):
        _share_cores()
        if settings.resume is not None:
            defaults = _resumed_settings(settings)
            settings = replace(parse(arguments, defaults), resume=defaults.resume)
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


def _share_cores() -> None:
    """Give each of the processes that `torchrun` starts its share of the cores; it sets one core each."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if processes > 1 and os.environ.get("OMP_NUM_THREADS") == "1":
        os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // processes))


def run(settings: Settings) -> None:
    """Run the workflow that the settings belong to."""
    if isinstance(settings, TrainSettings):
        from ca.train.command import train

        train(settings)
    elif isinstance(settings, EvaluateSettings):
        from ca.evaluate.command import evaluate

        evaluate(settings)
    elif isinstance(settings, ReportSettings):
        from ca.report.command import report

        report(settings)
    elif isinstance(settings, DemoSettings):
        with ended_by_ctrl_c():
            from ca.page.demo import demo

        demo(settings)
    elif isinstance(settings, ExportSettings):
        from ca.page.export import export

        export(settings)
    else:
        from ca.benchmark.command import benchmark

        benchmark(settings)
