"""Every command line in the documents is one that `ca` accepts, and every file that it reads exists."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.documents import DOCUMENTS, README, ROOT, Document, read_document

from ca.settings.commands import (
    ClassifySettings,
    DemoSettings,
    EvaluateSettings,
    ExportSettings,
    ReportSettings,
)
from ca.settings.parsing import COMMANDS, parse
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError

OTHER_PROGRAMS = {"pip", "uv", "ruff", "ty", "lint-imports", "mkdocs", "cmp", "coverage"}
OTHER_FLAGS = {"--max-restarts", "--overwrite"}  # of torchrun; named as one that does not exist

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@documents
def test_commands_are_accepted_and_what_they_read_exists(path: Path) -> None:
    written: set[str] = set()  # folders that earlier commands of the document have filled
    for words in read_document(path).commands:
        command = " ".join(words)
        if words[0] == "torchrun":
            words = words[words.index("-m") + 1 :]
        if words[0] == "ca":
            _check_ca(words[1:], written, command)
        elif words[0] in ("pytest", "python"):
            paths = [word for word in words[1:] if "/" in word]
            assert all((ROOT / path).exists() for path in paths), command
        elif words[0].startswith("."):
            assert (ROOT / words[0]).exists(), command
        else:
            assert words[0] in OTHER_PROGRAMS, command


def _check_ca(arguments: list[str], written: set[str], command: str) -> None:
    if not arguments:
        return
    if arguments[-1] in ("--help", "--version"):
        assert all(word in COMMANDS for word in arguments[:-1]), command
        return
    if arguments in (["classify"], ["export"]):  # only mentioned
        return
    given = [name for word in arguments for name in _expanded(word)]
    settings = parse(given)
    if isinstance(settings, ClassifySettings):
        assert [image for image in settings.images if not (ROOT / image).exists()] == [], command
    for read in _paths_read(settings):
        made = {str(read), str(read.parent)} & written
        assert made or (ROOT / read / "config.json").exists(), f"{read} is not there yet: {command}"
    if isinstance(settings, TrainSettings):
        written.add(str(settings.output_dir))


def _expanded(word: str) -> list[str]:
    if "*" not in word:
        return [word]
    return [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(word))]


def _paths_read(settings: object) -> Iterator[Path]:
    match settings:
        case TrainSettings():
            if settings.resume is not None and settings.resume != settings.output_dir:
                yield settings.resume
        case ReportSettings():
            yield from settings.checkpoints
        case ClassifySettings() | EvaluateSettings() | DemoSettings() | ExportSettings():
            if settings.checkpoint is not None:
                yield settings.checkpoint


@documents
def test_flags_exist(path: Path) -> None:
    if path.parent != ROOT / "docs" and path != README:
        pytest.skip("names flags of other programs")
    known = {"--help", "--version"} | OTHER_FLAGS
    for kind in COMMANDS.values():
        for field in dataclasses.fields(kind):
            name = field.name.replace("_", "-")
            known |= {f"--{name}", f"--no-{name}"}
    flags = {span.split()[0] for span in read_document(path).spans if span.startswith("--")}
    assert flags <= known


def test_the_readers_first_commands_are_in_the_readme() -> None:
    lines = read_document(README).lines
    assert "pip install uv && uv run ca evaluate checkpoints/model-steps-100000" in lines
    assert "pip install uv && uv run pytest" in lines


def test_a_checkpoint_is_not_read_before_it_is_trained() -> None:
    export, written = ["export", "outputs_train/model-steps-100000", "page.html"], set()
    with pytest.raises(AssertionError, match="not there yet"):
        _check_ca(export, written, "")
    _check_ca(["train"], written, "")
    _check_ca(export, written, "")


def test_a_wrong_command_is_found() -> None:
    with pytest.raises(UsageError, match="no flag --no-such-flag"):
        _check_ca(["evaluate", "--no-such-flag", "1"], set(), "")


def test_documents_are_read() -> None:
    """The parser of the documents finds what this file checks."""
    readme: Document = read_document(README)
    assert len(readme.commands) > 8
    assert len(readme.python) == 1
    assert len(readme.links) > 10
