"""The command line `ca`: which subcommand runs what, and how errors are told.

Only what parsing needs is imported here; each workflow is imported when its subcommand runs.
"""

import logging
import os
import sys
from dataclasses import replace
from typing import Annotated

import tyro
from tyro.conf import subcommand

from ca import __version__
from ca.settings.commands import (
    BenchmarkSettings,
    DemoSettings,
    EvaluateSettings,
    ExportSettings,
    ReportSettings,
    Settings,
    TrainSettings,
)
from ca.settings.limits import refuse_impossible
from ca.system.errors import FailedError
from ca.system.signals import ended_by_ctrl_c

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.pop("MPLBACKEND", None)  # figures have no window; a value that is unknown would be an error
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of homes that can't be written to
    try:
        if arguments == ["--version"]:
            print(f"ca {__version__}")
        else:
            _work(parse(arguments), arguments)
        sys.stdout.flush()
    except FailedError as error:
        print(f"ca: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("ca: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # nobody reads what is printed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FailedError.exit_code) from None


def _work(settings: Settings, arguments: list[str]) -> None:
    refuse_impossible(settings)
    if isinstance(settings, TrainSettings):
        _share_cores()
        defaults = _train_defaults(settings)
        settings = replace(parse(arguments, defaults), resume=defaults.resume)
        refuse_impossible(settings)
    run(settings)


def parse(arguments: list[str], train_defaults: TrainSettings | None = None) -> Settings:
    """Settings from a command line; `train_defaults` hold wherever `ca train` is told nothing."""
    train_defaults = TrainSettings() if train_defaults is None else train_defaults
    return tyro.cli(
        Annotated[TrainSettings, subcommand("train", default=train_defaults)]
        | Annotated[EvaluateSettings, subcommand("evaluate")]
        | Annotated[ReportSettings, subcommand("report")]
        | Annotated[DemoSettings, subcommand("demo")]
        | Annotated[ExportSettings, subcommand("export")]
        | Annotated[BenchmarkSettings, subcommand("benchmark")],
        prog="ca",
        description="Neural cellular automata that classify handwritten digits, cell by cell.",
        args=arguments,
    )


def _train_defaults(settings: TrainSettings) -> TrainSettings:
    """Those of the recipe, or of the run to resume, with its checkpoint."""
    if settings.resume is None:
        return TrainSettings.of(settings.recipe)

    from ca.checkpoint.folder import load_checkpoint, newest_checkpoint
    from ca.train.resume import saved_settings

    checkpoint = newest_checkpoint(settings.resume)
    if checkpoint is None:
        if settings.resume == settings.output_dir:
            return TrainSettings.of(settings.recipe)
        checkpoint = load_checkpoint(settings.resume)
    folder = checkpoint.path.parent
    return TrainSettings(**saved_settings(checkpoint), output_dir=folder, resume=checkpoint.path)


def _share_cores() -> None:
    """Give each of the processes that `torchrun` starts its share of the cores; it says one core each."""
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
