"""The page's data: constants that are defined in Python alone."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser
from support.browser import closed, next_frame, open_details, opened
from support.helpers import random_automaton
from support.sizes import ALIVE_THRESHOLD, CHANNELS, HIDDEN, NUM_CLASSES, STATE_CHANNELS, TAPS

from ca.architecture import Architecture
from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.page.build import build_page
from ca.render.palette import CLASS_COLOURS


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
        "names": list("0123456789"),
        "hidden": [HIDDEN, HIDDEN],
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


def test_page_has_the_sizes_and_colours_of_another_architecture(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLASS_COLOURS, "distinct", CLASS_COLOURS["distinct"].replace("536c58", "123456"))
    architecture = Architecture(communication_channels=6, classes=8, hidden=(50, 20, 33), alive_threshold=0.3)
    automaton = random_automaton(dtype=torch.float32, architecture=architecture)
    bundled, names = load_checkpoint(None), tuple("abcdefgh")
    config = replace(bundled.config, architecture=automaton.architecture, classes=names)
    checkpoint = replace(bundled, automaton=automaton, config=config)
    digits = load_digits("mnist", "test")
    digits = digits[digits.labels < len(names)]
    (tmp_path / "page.html").write_text(build_page(checkpoint, replace(digits, names=names)))
    page = opened(browser, (tmp_path / "page.html").as_uri())
    open_details(page)
    page.click("#check")
    assert page.inner_text("#check-result").startswith("The same rule")
    assert page.locator("#samples button").count() == 8
    swatches = page.locator("#votes .swatch").all_inner_texts()
    assert swatches == [*names, "?"]
    assert page.locator("#votes li").count() == 9, "one for each class, and one for undecided cells"
    swatch = page.locator("#votes .swatch").first
    assert swatch.evaluate("(one) => getComputedStyle(one).backgroundColor") == "rgb(18, 52, 86)"
    assert page.inner_text("#hint") == "Draw an image, or choose one"
    assert page.locator("#side option").all_inner_texts() == ["one image", "whiteboard"]
    assert page.get_attribute("#samples button", "aria-label") == "Test image a"
    assert page.locator("#view option").count() == 4 + 15
    assert page.evaluate("ca.app.session.network.layers.map(({ biases }) => biases.length)") == [
        52,
        20,
        36,
        16,
    ]
    page.evaluate("ca.app.session.edit((board) => { board.setInk(0, 76); board.setInk(1, 77); })")
    assert page.evaluate("[0, 1].map((cell) => ca.app.session.board.isAlive(cell))") == [False, True]
    page.focus("#board")
    page.keyboard.press("ArrowUp")
    next_frame(page)
    assert page.locator("#cell-values td").filter(has_text=re.compile("output|channel")).count() == 14
    page.select_option("#side", label="whiteboard")
    page.evaluate("ca.app.session.step(10)")
    next_frame(page)
    assert re.match(r"8 images, \d agreed", page.inner_text("#verdict"))
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
