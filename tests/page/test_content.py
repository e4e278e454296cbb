"""The page's data: constants that are defined in Python alone."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from playwright.sync_api import Browser
from support.browser import closed, next_frame, open_details, opened

import ca
from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import load_digits
from ca.page.build import build_page
from ca.render.palette import CLASS_COLOURS
from ca.sizes import ALIVE_THRESHOLD, CHANNELS, HIDDEN, NUM_CLASSES, STATE_CHANNELS, TAPS

EDITS = {
    "sizes.py": {
        "NUM_CLASSES = 10": "NUM_CLASSES = 8",
        "STATE_CHANNELS = 19": "STATE_CHANNELS = 14",
        "ALIVE_THRESHOLD = 0.1 ": "ALIVE_THRESHOLD = 0.3 ",
        "HIDDEN = 80": "HIDDEN = 50",
    },
    "render/palette.py": {"536c58 fe3687": "123456 fe3687"},
}
BUILD = """
from pathlib import Path
from types import SimpleNamespace
from torch import nn
from ca.checkpoint.folder import Checkpoint
from ca.data.digits import load_digits
from ca.model import CellularAutomaton
from ca.page.build import build_page

automaton = CellularAutomaton()
nn.init.normal_(automaton.residual.weight, std=0.05)
checkpoint = Checkpoint(Path("other sizes"), SimpleNamespace(metrics={}), automaton)
Path("page.html").write_text(build_page(checkpoint, load_digits("mnist", "test")))
"""


def data_of(html: str) -> dict:
    found = re.search(r'id="data">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


def test_data_have_the_constants_of_the_package(html: str) -> None:
    data = data_of(html)
    assert data["sizes"] == {
        "channels": CHANNELS,
        "stateChannels": STATE_CHANNELS,
        "classes": NUM_CLASSES,
        "hidden": HIDDEN,
        "taps": TAPS,
        "drawsPerCell": 32,
        "aliveThreshold": ALIVE_THRESHOLD,
        "imageSide": 28,
    }
    palettes = {
        name: [bytes(colour).hex() for colour in palette] for name, palette in data["palettes"].items()
    }
    assert palettes == {name: colours.split() for name, colours in CLASS_COLOURS.items()}
    assert next(iter(palettes)) == "distinct"


def test_sizes_and_colours_changed_in_python_alone_change_the_page(browser: Browser, tmp_path: Path) -> None:
    """Edits a copy of the package as a tinkerer would, and opens the page that it builds."""
    package = Path(ca.__file__).parent
    shutil.copytree(package, tmp_path / "ca", ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    (tmp_path / "ca" / "data" / "mnist.npz").symlink_to(package / "data" / "mnist.npz")
    for name, changes in EDITS.items():
        path = tmp_path / "ca" / name
        source = path.read_text()
        for old, new in changes.items():
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        path.write_text(source)
    subprocess.run([sys.executable, "-c", BUILD], cwd=tmp_path, check=True, timeout=100)
    page = opened(browser, (tmp_path / "page.html").as_uri())
    open_details(page)
    page.click("#check")
    assert page.inner_text("#check-result").startswith("The same rule")
    assert page.locator("#samples button").count() == 8
    assert page.locator("#votes li").count() == 9, "one for each class, and one for undecided cells"
    swatch = page.locator("#votes .swatch").first
    assert swatch.evaluate("(one) => getComputedStyle(one).backgroundColor") == "rgb(18, 52, 86)"
    assert page.locator("#view option").count() == 4 + 15
    assert page.evaluate("ca.app.session.network.layers.map(({ biases }) => biases.length)") == [52, 52, 16]
    page.evaluate("ca.app.session.edit((board) => { board.setInk(0, 76); board.setInk(1, 77); })")
    assert page.evaluate("[0, 1].map((cell) => ca.app.session.board.isAlive(cell))") == [False, True]
    page.focus("#board")
    page.keyboard.press("ArrowUp")
    next_frame(page)
    assert page.locator("#cell-values td").filter(has_text=re.compile("output|comm")).count() == 14
    page.select_option("#side", label="whiteboard")
    page.evaluate("ca.app.session.step(10)")
    next_frame(page)
    with page.expect_download():
        page.click("#gif")
        page.evaluate("ca.app.step(2)")
        page.click("#gif")
    closed(page)


def test_building_restores_the_number_of_threads() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        build_page(load_checkpoint(None), load_digits("mnist", "test"))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
