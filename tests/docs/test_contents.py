"""What the documents name exists: files, tests, packages, figures; their Python code runs."""

import re
from pathlib import Path

import pytest
from support.documents import DOCUMENTS, README, ROOT, read_document

from ca.model import CellularAutomaton

SOURCES = ROOT / "src" / "ca"
RELIABILITY = ROOT / "docs" / "reliability.md"
PLACES = "src|tests|docs|checkpoints|tools|examples"

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@documents
def test_links_and_pictures_exist(path: Path) -> None:
    relative = [link.split("#")[0] for link in read_document(path).links if "://" not in link]
    assert [link for link in relative if link and not (path.parent / link).exists()] == []


@documents
def test_paths_in_the_text_exist(path: Path) -> None:
    document = read_document(path)
    text = "\n".join(document.spans + document.lines)
    named = re.findall(rf"(?<![\w/.])(?:{PLACES})/[\w./*-]*", text)
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/.")))] == []


def _blocks(*, complete: bool) -> list[tuple[Path, str]]:
    """Python blocks of all documents: complete ones, which import what they use, or excerpts."""
    found = [(path, block) for path in DOCUMENTS for block in read_document(path).python]
    return [(path, block) for path, block in found if block.startswith(("import ", "from ")) == complete]


@pytest.mark.parametrize("block", [block for _, block in _blocks(complete=True)])
def test_python_blocks_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = re.sub(r"\bsteps=[\d_]+", "steps=2", block)  # fewer than a reader needs
    exec(compile(block, "<document>", "exec"), {"__name__": "__main__"})


def test_python_excerpts_are_quotations() -> None:
    source = _without_spaces("".join(path.read_text() for path in SOURCES.rglob("*.py")))
    excerpts = [block for path, block in _blocks(complete=False) if path.name != "api.md"]
    assert excerpts
    assert [block for block in excerpts if _without_spaces(block) not in source] == []


def _without_spaces(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_the_readme_is_short() -> None:
    assert README.stat().st_size <= 7_000


def test_the_tree_in_the_readme_is_that_of_the_package() -> None:
    lines = "\n".join(read_document(README).lines)
    named = set(re.findall(r"^  ([\w/.]+) {2,}\S", lines, re.MULTILINE))
    folders = {f"{path.parent.name}/" for path in SOURCES.glob("*/__init__.py")}
    files = {path.name for path in SOURCES.glob("*.py") if not path.name.startswith("__")}
    assert named == folders | files


def test_figures_of_the_readme_are_those_of_the_other_documents() -> None:
    details = "".join((ROOT / "docs" / name).read_text() for name in ("results.md", "performance.md"))
    figures = [
        figure
        for line in README.read_text().splitlines()
        if line.startswith("| ")
        for figure in re.findall(r"\d[\d,]*\.\d|\d,\d{3}|\d+ %", line)
    ]
    assert len(figures) > 30
    assert [figure for figure in figures if figure not in details] == []


def test_the_number_of_parameters() -> None:
    parameters = sum(parameter.numel() for parameter in CellularAutomaton().parameters())
    assert f"{parameters:,}" in (ROOT / "docs" / "design.md").read_text()


def test_tests_named_in_the_reliability_page_exist() -> None:
    missing = []
    for cell in re.findall(r"\| ([^|]*) \|$", RELIABILITY.read_text(), re.MULTILINE):
        for part in re.split(r"(?=`[\w/]+\.py`)", cell):
            match = re.match(r"`([\w/]+\.py)`", part)
            if match is None:
                continue
            source = (ROOT / "tests" / match[1]).read_text()
            for name in re.findall(r"`([a-z_.]+)`", part[match.end() :]):
                words = name.removeprefix("...").removesuffix("...").strip("_")
                if not re.search(rf"def test_\w*{re.escape(words)}", source):
                    missing.append(f"{match[1]}: {name}")
    assert missing == []
