"""The page in a real browser: fixtures and helpers of the page's tests."""

import base64
import os
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.page.build import build_page
from ca.page.demo import page_server

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
PATIENCE = 60  # seconds; machines that run tests do other work too
SIZE: ViewportSize = {"width": 1200, "height": 900}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
tabs: dict[str, Page] = {}  # of this process, by address: tests share them, as a new one costs half a second


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once for all tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("CA_BROWSER_TESTS") == "required":
            pytest.fail("no Chromium to test the page in")
        pytest.skip("no Chromium on this machine (on Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def html() -> str:
    """Build the page of the bundled automaton."""
    return build_page(load_checkpoint(None), load_digits("mnist", "test"))


@pytest.fixture(scope="session")
def exported(html: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page to a file, and return its address."""
    path = tmp_path_factory.mktemp("exported") / "page.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def served(html: str) -> Iterator[str]:
    """Serve the page to this machine, and return its address."""
    with serving(html) as port:
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def serving(html: str) -> Generator[int]:
    """Serve a page while the `with` block lasts; its value is the port, which no other worker has."""
    server = page_server(html, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # seconds until it sees a shutdown
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["served", "exported"])
def each_address(request: pytest.FixtureRequest) -> str:
    """The page's address, served and exported: for tests whose subject depends on how the page was loaded."""
    return request.getfixturevalue(request.param)


def new_page(browser: Browser, **options: Any) -> Page:
    """Open a tab in a context of its own."""
    options.setdefault("viewport", SIZE)
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.add_init_script("globalThis.errors = []; addEventListener('error', (e) => errors.push(e.message))")
    return page


def opened(browser: Browser, address: str, **options: Any) -> Page:
    """Open the page in a context of its own; `closed` checks that nothing went wrong in it."""
    page = new_page(browser, **options)
    load(page, address)
    return page


def load(page: Page, address: str) -> None:
    page.goto(address)
    wait_until(page, "Boolean(globalThis.ca && ca.app.display.drawn)")


def closed(page: Page) -> None:
    """Close a page's context, after a check that nothing went wrong in the page."""
    assert errors_of(page) == []
    page.context.close()


def errors_of(page: Page) -> list[str]:
    messages = [message.text for message in page.console_messages() if message.type == "error"]
    return messages + page.evaluate("errors")


def wait_until(page: Page, condition: str) -> None:
    """Wait until an expression is true; the page's policy forbids Playwright's own way."""
    assert becomes_true(page, condition, PATIENCE), f"never became true: {condition}"


def becomes_true(page: Page, condition: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            return False
        page.wait_for_timeout(20)
    return True


def tap_until(page: Page, selector: str, condition: str) -> None:
    """Tap until an expression is true: a busy browser may take a tap for a long press, which does nothing."""
    for _ in range(10):
        page.tap(selector)
        if becomes_true(page, condition, seconds=3):
            return
    pytest.fail(f"never became true: {condition}")


@pytest.fixture
def page(browser: Browser, exported: str) -> Iterator[Page]:
    """Open the exported page anew, paused."""
    with fresh_page(browser, exported) as page:
        yield page


@pytest.fixture
def each_page(browser: Browser, each_address: str) -> Iterator[Page]:
    """Open the page anew, paused, served and exported: see `each_address`."""
    with fresh_page(browser, each_address) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, exported: str) -> Iterator[Page]:
    """Open the page on a phone, paused."""
    page = opened(browser, exported, **PHONE)
    page.evaluate("ca.app.setPlaying(false)")
    yield page
    closed(page)


@contextmanager
def fresh_page(browser: Browser, address: str) -> Generator[Page]:
    """Load the page again in the tab for its address, paused; afterwards check that nothing went wrong."""
    if address in tabs:
        page = tabs[address]
        page.mouse.up()
        page.mouse.move(0, 0)
        page.set_viewport_size(SIZE)
        load(page, address)
    else:
        page = tabs[address] = opened(browser, address)
    page.evaluate("ca.app.setPlaying(false)")
    next_frame(page)
    yield page
    errors = errors_of(page)
    page.goto("about:blank")  # else its cells run on, and take half a core from the tests that follow
    if errors:
        tabs.pop(address).context.close()
    assert errors == []


def open_details(page: Page) -> None:
    """Unfold all that is folded on the page."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")


def show(page: Page, label: int, ticks: int) -> None:
    """Put the sample of a class on the board, from zero, and compute some ticks."""
    page.evaluate("(label) => ca.app.choose(ca.app.samples.sample(label), true)", label)
    page.evaluate("(ticks) => ca.app.session.step(ticks)", ticks)
    next_frame(page)


def next_frame(page: Page) -> None:
    """Wait until the page has drawn the latest state."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def let_frames_pass(page: Page, milliseconds: int) -> None:
    """Wait until the page's frames have advanced by some time."""
    page.evaluate(
        """(milliseconds) => new Promise((done) => {
          let start;
          const frame = (now) => {
            start ??= now;
            if (now - start < milliseconds) requestAnimationFrame(frame);
            else done();
          };
          requestAnimationFrame(frame);
        })""",
        milliseconds,
    )


def to_text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


def ink_of(page: Page) -> NDArray[np.uint8]:
    """Grey levels of the board: (side, side)."""
    levels = np.array(page.evaluate("[...ca.app.session.board.ink]"), dtype=np.uint8)
    return levels.reshape(int(len(levels) ** 0.5), -1)


def cells_of(page: Page) -> NDArray[np.float32]:
    """All channels of the board: (20, side, side)."""
    text = page.evaluate(
        """() => {
          const { board } = ca.app.session;
          const cells = new Float32Array(board.ink.length * 20);
          for (let cell = 0; cell < board.ink.length; cell++) cells.set(board.channels(cell), cell * 20);
          let text = "";
          for (const byte of new Uint8Array(cells.buffer)) text += String.fromCharCode(byte);
          return btoa(text);
        }"""
    )
    cells = np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(-1, 20)
    side = int(len(cells) ** 0.5)
    return cells.T.reshape(20, side, side)


def classes_of(cells: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class of each cell, 10 where no output is above zero, -1 where it is dead: (side, side)."""
    outputs = cells[10:]
    classes = np.where(outputs.max(0) > 0, outputs.argmax(0), 10)
    return np.where(cells[0] > np.float32(0.1), classes, -1)


def living_cells(page: Page) -> NDArray[np.bool]:
    return cells_of(page)[0] > np.float32(0.1)


def change_settings(page: Page, **changes: float) -> None:
    page.evaluate("(changes) => Object.assign(ca.app.session.settings, changes)", changes)


def set_ink(page: Page, levels: NDArray[np.uint8]) -> None:
    """Put ink on the board, with no memory."""
    page.evaluate(
        """(levels) => {
          ca.app.session.edit((board) => levels.forEach((level, cell) => board.setInk(cell, level)));
          ca.app.session.forget();
          Object.assign(ca.app.session.history, { before: [], after: [] });
        }""",
        levels.flatten().tolist(),
    )


def centre_of(page: Page, x: int, y: int) -> tuple[float, float]:
    """Where the middle of a cell is in the window."""
    box = page.locator("#board").bounding_box()
    assert box is not None
    side, rim = page.evaluate("ca.app.session.board.side"), 1
    width = box["width"] - 2 * rim
    return box["x"] + rim + (x + 0.5) * width / side, box["y"] + rim + (y + 0.5) * width / side


class Fingers:
    """Touches of a page's board, at the middles of cells."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def touch(self, kind: str, *points: tuple[int, int]) -> None:
        fingers = []
        for number, point in enumerate(points):
            x, y = centre_of(self._page, *point)
            fingers.append({"x": x, "y": y, "id": number})
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
