"""Which lines of the page's JavaScript the tests run: a plugin of pytest, and a report. See `.ci/coverage`.

Each worker of pytest-xdist writes its counts to the folder in the environment variable PAGE_COVERAGE.
Run as a program, this module reports on that folder.
"""

import os
from collections.abc import Callable
from functools import wraps
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from ca.page.modules import START, _collect, joined_modules

FOLDER = Path(os.environ["PAGE_COVERAGE"])
LENGTH = len(joined_modules())
covered = np.zeros(LENGTH, dtype=bool)  # characters of the joined script that have run
sessions: dict[Page, CDPSession] = {}


def pytest_configure() -> None:
    """Count in every new tab, and collect the counts before they are lost."""
    new_page = BrowserContext.new_page

    def counted_page(self: BrowserContext) -> Page:
        page = new_page(self)
        session = sessions[page] = self.new_cdp_session(page)
        session.send("Profiler.enable")
        session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
        return page

    BrowserContext.new_page = counted_page
    for owner, name in ((Page, "goto"), (Page, "reload"), (BrowserContext, "close"), (Browser, "close")):
        setattr(owner, name, _after_collecting(getattr(owner, name)))


def _after_collecting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def collecting(owner: Page | BrowserContext | Browser, *arguments: Any, **options: Any) -> Any:
        for page in list(sessions):
            if owner in (page, page.context, page.context.browser):
                _collect_counts(sessions[page])
                if not isinstance(owner, Page):
                    del sessions[page]
        return method(owner, *arguments, **options)

    return collecting


def _collect_counts(session: CDPSession) -> None:
    for script in session.send("Profiler.takePreciseCoverage")["result"]:
        functions = script["functions"]
        if functions and functions[0]["ranges"][0]["endOffset"] == LENGTH:  # the page's own script
            now = np.zeros(LENGTH, dtype=bool)
            for function in functions:  # outer ones come before those within them
                for each in function["ranges"]:
                    now[each["startOffset"] : each["endOffset"]] = each["count"] > 0
            np.logical_or(covered, now, out=covered)


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    np.save(FOLDER / f"{worker}.npy", covered)


def report() -> None:
    """Print the share of lines that have run, and the lines that have not."""
    found = np.logical_or.reduce([np.load(path) for path in FOLDER.glob("*.npy")])
    sources: dict[PurePosixPath, str] = {}
    _collect(files("ca").joinpath("page", "web"), START, sources)
    start, all_lines, all_missing = 0, 0, 0
    for path, source in sources.items():
        lines, missing = _lines(source, found[start : start + len(source)])
        start += len(source)
        all_lines += lines
        all_missing += len(missing)
        print(f"{path!s:32}{lines:6}{(lines - len(missing)) / lines:8.1%}  {'; '.join(missing)[:100]}")
    print(f"{'page':32}{all_lines:6}{1 - all_missing / all_lines:8.1%}")


def _lines(source: str, ran: NDArray[np.bool_]) -> tuple[int, list[str]]:
    """How many lines have code, and those of which a part has not run."""
    count, missing, start = 0, [], 0
    for line in source.splitlines(keepends=True):
        code = line.strip()
        if any(letter.isalnum() for letter in code) and not code.startswith(("//", "/*", "*")):
            count += 1
            first = start + line.index(code)
            if not ran[first : first + len(code)].all():
                missing.append(code)
        start += len(line)
    return count, missing


if __name__ == "__main__":
    report()
