"""The documents of the project, and the code, links and commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "src/ca/engine/kernel/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
PYTHON = ("python", "py")


@dataclass(frozen=True)
class Document:
    """What is in a Markdown file.

    Attributes:
        path: of the file, relative to the root of the repository
        python: Python blocks
        lines: lines of all other code blocks
        spans: code within sentences and tables
        links: targets of links and pictures
        commands: command lines in order, both of blocks and of sentences; each a list of words
    """

    path: Path
    python: list[str]
    lines: list[str]
    spans: list[str]
    links: list[str]
    commands: list[list[str]]


def read_document(path: Path) -> Document:
    document = Document(path.relative_to(ROOT), [], [], [], [], [])
    for token in _tokens(MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))):
        match token.type:
            case "fence" if token.info in PYTHON:
                document.python.append(token.content)
            case "fence" | "code_block":
                lines = token.content.splitlines()
                document.lines.extend(lines)
                document.commands.extend(words for line in lines for words in _commands(line))
            case "code_inline":
                document.spans.append(token.content)
                document.commands.extend(_commands(token.content))
            case "link_open" | "image":
                document.links.append(str(token.attrs.get("href") or token.attrs.get("src")))
    return document


def _tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _tokens(token.children or [])


def _commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, without the variables set before them and without `uv run`."""
    if not re.match(r"([A-Z_]+=\S+ )*(uv run|uv sync|ca|pip|python|\.ci/\w+)( |$)", line):
        return
    for command in line.split(" && "):
        words = shlex.split(command)
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if words[:2] == ["uv", "run"]:
            del words[:2]
        if words[:1] == ["--group"]:
            del words[:2]
        if words:
            yield words
