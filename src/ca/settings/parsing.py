"""From a command line to the settings of its subcommand. What cannot be read is refused in one line."""

import contextlib
import difflib
import io
import os
import shutil
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Annotated, Any, get_args, get_type_hints

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, arg, subcommand

from ca.settings.commands import (
    BenchmarkSettings,
    ClassifySettings,
    DemoSettings,
    EvaluateSettings,
    ExportSettings,
    ReportSettings,
    Settings,
    SweepSettings,
)
from ca.settings.flags import flag
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError, UsageError

LEAST_COLUMNS = 40  # tyro's help never ends in a terminal of a few columns
COMMANDS: dict[str, type[Settings]] = {
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
    "classify": ClassifySettings,
    "report": ReportSettings,
    "demo": DemoSettings,
    "export": ExportSettings,
    "benchmark": BenchmarkSettings,
    "sweep": SweepSettings,
}


@dataclass
class _CommandLine:
    """Neural cellular automata that classify handwritten digits, cell by cell."""

    command: Annotated[
        Annotated[TrainSettings, subcommand("train", default=TrainSettings())]
        | Annotated[EvaluateSettings, subcommand("evaluate")]
        | Annotated[ClassifySettings, subcommand("classify")]
        | Annotated[ReportSettings, subcommand("report")]
        | Annotated[DemoSettings, subcommand("demo")]
        | Annotated[ExportSettings, subcommand("export")]
        | Annotated[BenchmarkSettings, subcommand("benchmark")]
        | Annotated[SweepSettings, subcommand("sweep")],
        arg(name=""),
    ]
    version: Annotated[bool, FlagCreatePairsOff, arg(help_behavior_hint="")] = False
    """Print the version."""


def parse(arguments: list[str], default: Settings | None = None) -> Settings:
    """The settings of a command line, without the program's name.

    Args:
        default: settings of the same subcommand, for the flags that are not given

    Raises:
        UsageError: it cannot be read, or a value is out of range
        SystemExit: help or a script for shell completion was asked for, and is printed
    """
    if not arguments:
        raise UsageError(f"a command is missing: {', '.join(COMMANDS)}; see ca --help")
    command, *words = arguments
    if shutil.get_terminal_size().columns < LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(LEAST_COLUMNS)
    if command == "train" and default is None:
        return _parse_training(words)
    if command in COMMANDS:
        return _parse_flags(command, words, default)
    if command in ("-h", "--help") or command.startswith("--tyro-"):
        tyro.cli(_CommandLine, prog="ca", args=arguments)
    if command.startswith("-"):
        raise UsageError(f"ca has no flag {command}: flags follow a command, as in ca train; see ca --help")
    similar = difflib.get_close_matches(command, COMMANDS)
    hint = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(COMMANDS)};"
    raise UsageError(f"ca has no command {command}: {hint} see ca --help")


def _parse_training(words: list[str]) -> Settings:
    """The settings of `ca train`. What is not given is the recipe's, which is among the words."""
    settings = _parse_flags("train", words, TrainSettings())
    assert isinstance(settings, TrainSettings)
    if settings.recipe == TrainSettings.recipe:
        return settings
    return _parse_flags("train", words, TrainSettings(recipe=settings.recipe))


def _parse_flags(command: str, words: list[str], default: Settings | None) -> Settings:
    see_help = f"see ca {command} --help"
    if unknown := _unknown_flag(command, words):
        raise UsageError(f"ca {command} has no flag {unknown}{_similar_flags(command, unknown)} {see_help}")
    options: dict[str, Any] = {} if default is None else {"default": default}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            settings, surplus = tyro.cli(
                COMMANDS[command], prog=f"ca {command}", args=words, return_unknown_args=True, **options
            )
    except SystemExit as end:
        if not end.code:  # help
            raise
        raise UsageError(f"{_message(printed.getvalue())}; {see_help}") from None
    if surplus:
        raise UsageError(f"ca {command} has no use for {surplus[0]!r}; {see_help}")
    try:
        os.getcwd()
    except OSError as error:
        raise FailedError("the working directory does not exist any more: change to another one") from error
    return settings


def _unknown_flag(command: str, words: list[str]) -> str | None:
    """The first flag that a subcommand does not have. (tyro would suggest flags of other subcommands.)"""
    known = [*_flags(command), "-h", "--help"]
    for word in takewhile(lambda word: word != "--", words):
        name = word.partition("=")[0]
        if name.startswith("-") and name.replace("_", "-") not in known and not _is_number(word):
            return name
    return None


def _similar_flags(command: str, unknown: str) -> str:
    name = unknown.strip("-")
    known = {flag.strip("-"): flag for flag in _flags(command)}
    parts = [flag for each, flag in known.items() if len(name) > 2 and name in each]
    similar = parts or [known[each] for each in difflib.get_close_matches(name, known, cutoff=0.7)]
    return f": did you mean {' or '.join(similar)}?" if similar else ";"


def _flags(command: str) -> list[str]:
    hints = get_type_hints(COMMANDS[command], include_extras=True)
    names = [name for name, hint in hints.items() if Positional not in getattr(hint, "__metadata__", ())]
    switches = [name for name in names if bool in (hints[name], *get_args(hints[name]))]
    return [flag(name) for name in names] + [flag(f"no_{name}") for name in switches]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _message(box: str) -> str:
    """The message in a box that tyro printed, on one line: the rows between its title and the next rule."""
    rows = [line.strip(" │") for line in box.splitlines()[1:]]
    from_message = dropwhile(_is_rule, rows)
    message = " ".join(takewhile(lambda row: not _is_rule(row), from_message))
    message = message.removesuffix(" (required)").rstrip(".")
    return message[:1].lower() + message[1:]


def _is_rule(row: str) -> bool:
    return not row.strip("─-")
