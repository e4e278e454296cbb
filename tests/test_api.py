"""The public names of `ca` and their page of documentation."""

import doctest
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ca
import ca.api

ROOT = Path(__file__).parents[1]


def test_import_ca_does_not_import_torch() -> None:
    code = "import sys, ca; print(ca.__version__, not {'torch', 'numpy', 'ca.api'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [ca.__version__, "True"]


def test_all_public_names_are_found_and_hide_no_subpackage() -> None:
    assert set(ca.__all__) == set(ca.api.__all__)
    for name in ca.__all__:
        assert getattr(ca, name) is getattr(ca.api, name)
        assert name in dir(ca)
        assert importlib.util.find_spec(f"ca.{name}") is None
    with pytest.raises(AttributeError, match=r"^module 'ca' has no attribute 'clasify'$"):
        _ = ca.clasify  # ty: ignore[missing-attribute]


@pytest.fixture(scope="module")
def page_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("api_page", ROOT / "tools" / "api_page.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_page_of_the_api_is_what_the_docstrings_say(page_tool: ModuleType) -> None:
    assert page_tool.PAGE.read_text() == page_tool.api_page(), "run: uv run python tools/api_page.py"


def test_the_page_lists_all_public_names(page_tool: ModuleType) -> None:
    headings = [line for line in page_tool.PAGE.read_text().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(f"### `{name}`" for name in ca.__all__)


@pytest.mark.parametrize("name", [name for name in ca.__all__ if name != "FailedError"])
def test_the_example_of_a_docstring_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = getattr(ca, name)
    example = doctest.DocTestParser().get_doctest(found.__doc__, {}, name, None, 0)
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    told: list[str] = []
    assert runner.run(example, out=told.append).failed == 0, "".join(told)
