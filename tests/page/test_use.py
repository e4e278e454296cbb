"""What a visitor does with the page: samples, keys, files, links, on a phone and by keyboard."""

import base64
import dataclasses
import functools
import hashlib
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page
from support.browser import (
    Fingers,
    cells_of,
    centre_of,
    closed,
    ink_of,
    next_frame,
    opened,
    set_ink,
    tap_until,
    wait_until,
)
from support.helpers import random_automaton, saved_automaton

from ca.cells import alive, newborn
from ca.checkpoint.folder import BUNDLED, load_checkpoint
from ca.data.digits import load_digits
from ca.model import CellularAutomaton
from ca.page.build import build_page
from ca.page.draws import page_draws

MNIST = load_digits("mnist", "test")


def living_cells(page: Page) -> np.ndarray:
    return cells_of(page)[0] > np.float32(0.1)


# --- samples ---


def test_samples_are_ten_test_digits_of_each_class(page: Page) -> None:
    samples = page.evaluate("ca.app.samples.samples.map(({ label, levels }) => [label, [...levels]])")
    assert [label for label, _ in samples] == [index for index in range(10) for _ in range(10)]
    for label in range(10):
        first = MNIST.images[MNIST.labels == label][:10].flatten(1).tolist()
        assert [levels for index, levels in samples if index == label] == first


@functools.cache
def majorities() -> list[int]:
    """What PyTorch's cells say of each class's first test digit, after 200 ticks with the page's chance."""
    automaton = load_checkpoint(None).automaton
    images = torch.stack([MNIST.images[MNIST.labels == label][0] for label in range(10)])
    grid = newborn(images.float() / 255)
    middle = slice(14, 42)  # of the board; all around it is dead
    with torch.no_grad():
        for tick in range(200):
            fired, noise = page_draws(56, seed=0, tick=tick, fire_rate=0.5, noise=0.02)
            grid = automaton.tick(grid, fired[:, middle, middle], noise[..., middle, middle])
    living = alive(grid[:, 0])
    votes = [grid[number, 10:, living[number]].argmax(0).bincount(minlength=10) for number in range(10)]
    return [int(counts.argmax()) for counts in votes]


def test_the_trained_rule_knows_its_samples(page: Page) -> None:
    """Each first sample from zero state for 200 ticks: nine of ten are right, and PyTorch agrees."""
    seen = page.evaluate(
        """() => Array.from({ length: 10 }, (_, label) => {
          ca.app.choose(ca.app.samples.sample(label), true);
          ca.app.session.step(200);
          return ca.app.session.readout().majority;
        })"""
    )
    assert sum(majority == label for label, majority in enumerate(seen)) >= 9
    assert seen == majorities()


def test_a_click_mutates_and_keeps_memory_where_both_are_alive(page: Page) -> None:
    page.click("[aria-label='Test digit 4']")
    page.evaluate("ca.app.session.step(60)")
    before, living = cells_of(page), living_cells(page)
    page.click("[aria-label='Test digit 9']")
    after, both = cells_of(page), living & living_cells(page)
    expected = MNIST.images[MNIST.labels == 9][0].numpy()
    assert (ink_of(page)[14:42, 14:42] == expected).all()
    assert ink_of(page).sum() == expected.sum(dtype=int)
    assert both.any()
    assert (after[1:, both] == before[1:, both]).all()
    assert (after[1:, ~both] == 0).all()
    page.evaluate("ca.app.session.step(200)")
    assert page.evaluate("ca.app.session.readout().majority") == 9
    page.evaluate("ca.app.session.undo()")
    assert (ink_of(page)[14:42, 14:42] != expected).any()


@pytest.mark.parametrize("how", ["shift", "long press", "box"])
def test_fresh_samples_start_from_zero(page: Page, how: str) -> None:
    page.evaluate("ca.app.session.step(20)")
    button = page.locator("[aria-label='Test digit 9']")
    if how == "shift":
        button.click(modifiers=["Shift"])
    elif how == "long press":
        button.hover()
        page.mouse.down()
        wait_until(page, "ca.app.session.history.length === 1")
        page.mouse.up()
        next_frame(page)
    else:
        page.check("#fresh")
        button.click()
    cells = cells_of(page)
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 9][0].numpy()).all()
    assert (cells[1:] == 0).all()
    assert page.evaluate("ca.app.session.history.length") == 1, "once, not twice"


def test_others_and_random(page: Page) -> None:
    page.click("#others")
    page.click("[aria-label='Test digit 6']")
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 6][1].numpy()).all()
    seen = set()
    for _ in range(12):
        page.click("#random")
        seen.add(page.evaluate("ca.app.session.label"))
    assert len(seen) > 3


def test_stamping_on_the_whiteboard(page: Page) -> None:
    page.select_option("#side", "140")
    set_ink(page, np.zeros((140, 140), dtype=np.uint8))
    page.click("[aria-label='Test digit 2']")
    assert page.get_attribute("[aria-label='Test digit 2']", "aria-pressed") == "true"
    page.mouse.click(*centre_of(page, 40, 100))
    expected = MNIST.images[MNIST.labels == 2][0].numpy()
    ink = ink_of(page)
    assert ink.sum(dtype=int) == expected.sum(dtype=int)
    y, x = np.argwhere(ink).mean(0)
    assert abs(y - 100) < 5
    assert abs(x - 40) < 5
    page.mouse.click(*centre_of(page, 1, 1))
    assert ink_of(page)[:14, :14].any(), "what lies beyond the rim is cut off"
    before = ink_of(page)
    page.click("#random")
    added = ink_of(page).astype(int) - before
    assert added.sum() > 0
    ys, xs = np.nonzero(added)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near = before[(ys + dy).clip(0, 139), (xs + dx).clip(0, 139)]
            assert not near.any(), "there was room"


# --- keys and names ---


def test_every_key_in_the_help_does_what_it_says(page: Page) -> None:
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('help').open")
    listed = page.locator("#keys tr").count()
    assert listed == page.evaluate("ca.keysOf(ca.app).length")
    page.keyboard.press("Escape")
    wait_until(page, "!document.getElementById('help').open")
    next_frame(page)  # until then the help's button may hold the focus

    def value(expression: str) -> Any:
        return page.evaluate(expression)

    session = "ca.app.session"
    effects = [
        ("Space", f"{session}.playing", False, True),
        ("Space", f"{session}.playing", True, False),
        ("+", f"{session}.settings.speed", 20, 30),
        ("-", f"{session}.settings.speed", 30, 20),
        ("e", "ca.app.tool", "draw", "erase"),
        ("l", "ca.app.tool", "erase", "look"),
        ("d", "ca.app.tool", "look", "draw"),
        ("]", "ca.app.sizes.draw", 2.5, 3),
        ("[", "ca.app.sizes.draw", 3, 2.5),
        ("v", f"{session}.settings.view", "class", "marks"),
        ("p", f"{session}.settings.palette", "distinct", "petroff"),
        *((str(label), f"{session}.label", (label - 1) % 10, label) for label in (*range(5, 10), *range(5))),
        ("z", f"{session}.label", 4, 3),
        ("o", "ca.app.samples.set", 0, 1),
        ("g", "ca.app.recorder.recording", False, True),
    ]
    pressed = {"?"}

    def press(key: str) -> None:
        pressed.add(key.lower())
        page.keyboard.press(key)

    for key, expression, before, after in effects:
        assert value(expression) == before, key
        press(key)
        assert value(expression) == after, key
    ticks = value(f"{session}.board.ticks")
    press(".")
    assert value(f"{session}.board.ticks") == ticks + 1
    press(",")
    assert value(f"{session}.board.ticks") == ticks + 11
    with page.expect_download():
        press("g")
    press("f")
    assert not cells_of(page)[1:].any()
    press("c")
    assert not ink_of(page).any()
    press("r")
    assert ink_of(page).any()
    press("b")
    assert value(f"{session}.board.side") == 140
    assert pressed == set(value("ca.keysOf(ca.app).flatMap(({ keys, run }) => (run ? keys : []))"))


def test_keys_are_left_alone_where_something_is_typed(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.fill("#seed", "")
    page.type("#seed", "42")
    page.keyboard.press("Tab")
    assert page.evaluate("ca.app.session.settings.seed") == 42
    assert page.evaluate("ca.app.session.label") == 4, "no sample was chosen by a digit that was typed"


def test_every_control_has_a_name_and_is_reached_by_tab(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    controls = page.evaluate(
        """() => [...document.querySelectorAll("main button, main select, main input, main canvas[tabindex]")]
          .filter((one) => one.checkVisibility() && !one.disabled && !one.closest("dialog"))
          .map((one, number) => (one.dataset.number = number, number))"""
    )
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(len(controls) + 12):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const one = document.activeElement, style = getComputedStyle(one);
              const shown = one.closest(".button") ? getComputedStyle(one.closest(".button")) : style;
              const seen = one.matches(":focus-visible") && parseFloat(shown.outlineWidth) >= 2;
              return [one.dataset.number ?? null, seen];
            }"""
        )
        if found[0] is not None:
            reached.add(int(found[0]))
            assert found[1], "the focus is seen"
    assert reached == set(controls)
    tree = page.locator("body").aria_snapshot()
    for role in ("button", "slider", "combobox", "checkbox", "spinbutton", "application"):
        named = [line for line in tree.splitlines() if f"- {role}" in line]
        assert named
        assert all('"' in line for line in named), named


# --- what can be taken away, and brought ---


def test_link_brings_back_ink_and_settings(page: Page, browser: Browser) -> None:
    page.select_option("#palette", "article")
    page.select_option("#view", "confidence")
    page.evaluate(
        "Object.assign(ca.app.session.settings, { seed: 99, fireRate: 0.7, noise: 0.01, speed: 30 })"
    )
    set_ink(page, np.random.default_rng(0).integers(0, 256, (56, 56), dtype=np.uint8) * (np.eye(56) > 0))
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.click("#link")
    address = page.input_value("#link-text")
    assert len(address) < 2000
    other = opened(browser, address)
    other.evaluate("ca.app.setPlaying(false); ca.app.session.forget()")
    assert (ink_of(other) == ink_of(page)).all()
    settings = "(({ calm, ...rest }) => rest)(ca.app.session.settings)"
    assert other.evaluate(settings) == page.evaluate(settings)
    for one in (page, other):
        one.evaluate("ca.app.session.forget(); ca.app.session.step(50)")
    assert (cells_of(other) == cells_of(page)).all()
    closed(other)


@pytest.mark.parametrize(
    "broken",
    ["#", "#ink=", "#ink=%%%", "#ink=AAAA", "#side=7&speed=x&view=constructor&seed=-1&noise=9", "#side=140"],
)
def test_broken_links_still_open(browser: Browser, address: str, broken: str) -> None:
    page = opened(browser, address + broken)
    assert living_cells(page).any()
    assert page.evaluate("ca.app.session.settings.view") == "class"
    assert page.evaluate("ca.app.session.settings.speed") == 20
    closed(page)


def test_picture_is_the_canvas(page: Page) -> None:
    page.evaluate("ca.app.session.step(30)")
    next_frame(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    with page.expect_download() as download:
        page.click("#png")
    image = Image.open(download.value.path()).convert("RGB")
    colours = page.evaluate(
        """() => {
          const canvas = document.getElementById("board");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (const byte of data) text += String.fromCharCode(byte);
          return btoa(text);
        }"""
    )
    seen = np.frombuffer(base64.b64decode(colours), dtype=np.uint8).reshape(*image.size, 4)[..., :3]
    assert (np.asarray(image) == seen).all()


def test_gif_holds_every_tick_as_the_board_showed_it(page: Page) -> None:
    page.evaluate("ca.app.session.forget()")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.click("#gif")
    expected = []
    palette = page.evaluate("ca.app.palette")
    for _ in range(30):
        next_frame(page)
        cells = cells_of(page)
        outputs, living = cells[10:], cells[0] > np.float32(0.1)
        classes = np.where(outputs.max(0) > 0, outputs.argmax(0), 10)
        colours = np.array([*palette, [176, 176, 176]])[classes]
        colours[~living] = -1
        expected.append(colours)
        page.evaluate("ca.app.session.step(1)")
    page.click("#step-10")
    with page.expect_download() as download:
        page.click("#gif")
    image = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert image.size == (280, 280)
    assert getattr(image, "n_frames", 1) == 1 + 30 + 10
    assert image.info["duration"] == 50, "milliseconds, at 20 ticks/s"
    for number, colours in enumerate(expected):
        image.seek(number)
        frame = np.asarray(image.convert("RGB"))[2::5, 2::5]
        living = colours[..., 0] >= 0
        assert (frame[living] == colours[living]).all()
        assert (frame[~living] > 235).all()


def test_a_long_gif_of_noise_decodes(page: Page) -> None:
    """Random pixels fill the table of codes many times over."""
    page.evaluate(
        """() => {
          const level = (cell) => (cell * 7919) % 256;
          ca.app.session.edit((board) => board.ink.forEach((_, cell) => board.setInk(cell, level(cell))));
          ca.app.record();
        }"""
    )
    page.evaluate("ca.app.session.step(8)")
    next_frame(page)
    cells = cells_of(page)
    with page.expect_download() as download:
        page.evaluate("ca.app.record()")
    image = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    image.seek(getattr(image, "n_frames", 1) - 1)
    frame = np.asarray(image.convert("RGB"))
    assert (frame.reshape(56, 5, 56, 5, 3) == frame[::5, ::5][:, None, :, None]).all()
    living = cells[0] > np.float32(0.1)
    assert len(np.unique(frame[::5, ::5][living], axis=0)) > 3


def test_another_automaton_can_be_brought(page: Page, tmp_path: Path) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert BUNDLED in page.inner_text("#automaton-name")
    automaton = random_automaton(dtype=torch.float32)
    weights = saved_automaton(tmp_path, automaton) / "model.safetensors"
    page.set_input_files("#file", weights)
    wait_until(page, "ca.app.data.name === 'model.safetensors'")
    assert page.inner_text("#automaton-name") == "model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in page.inner_text("#automaton-hash")
    assert page.inner_text("#trained-with") == ""
    first = page.evaluate("ca.app.session.network.layers[0].weights[0]")
    assert first == pytest.approx(automaton.perception.weight[0, 0].item())
    page.click("#check")
    assert "no rollout" in page.inner_text("#check-result")


@functools.cache
def other_page() -> str:
    """Export the bundled automaton, with another firing rate and one weight changed."""
    bundled = load_checkpoint(None)
    automaton = CellularAutomaton(0.75, 0.01)
    automaton.load_state_dict(bundled.automaton.state_dict())
    with torch.no_grad():
        automaton.residual.bias[0] += 0.125
    path = bundled.path.with_name("another one")
    other = dataclasses.replace(bundled, path=path, automaton=automaton)
    return build_page(other, dataclasses.replace(MNIST, images=MNIST.images.flip(2)))


@pytest.mark.parametrize("how", ["page dropped", "json chosen"])
def test_an_automaton_of_another_page_proves_itself(page: Page, how: str, tmp_path: Path) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    old = page.evaluate("ca.app.session.network.layers[2].biases[0]")
    if how == "page dropped":
        page.evaluate(
            """(text) => {
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([text], "page.html"));
              const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
              document.querySelector("footer").dispatchEvent(drop);
            }""",
            other_page(),
        )
    else:
        found = re.search(r'id="data">(.*?)</script>', other_page())
        assert found
        (tmp_path / "data.json").write_text(found[1])
        page.set_input_files("#file", tmp_path / "data.json")
    wait_until(page, "ca.app.data.name === 'another one'")
    assert page.inner_text("#automaton-name") == "another one"
    assert page.inner_text("#automaton-hash") == f"SHA-256 {page.evaluate('ca.app.data.hash')}"
    assert "cell accuracy" in page.inner_text("#automaton-metrics")
    assert "0.75 and noise of 0.01" in page.inner_text("#trained-with")
    assert page.evaluate("ca.app.session.network.layers[2].biases[0]") == pytest.approx(old + 0.125)
    page.click("[aria-label='Test digit 4']")
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 4][0].flip(1).numpy()).all()
    page.click("#check")
    assert page.inner_text("#check-result").startswith("The same rule")
    page.evaluate("ca.app.session.network.layers[2].biases[0] -= 0.125")
    page.click("#check")
    assert page.inner_text("#check-result").startswith("NOT the same rule")


def test_what_automaton_it_is_can_be_read(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    weights = (Path(__file__).parents[2] / "checkpoints" / BUNDLED / "model.safetensors").read_bytes()
    assert page.inner_text("#automaton-name") == BUNDLED
    assert page.inner_text("#automaton-hash") == f"SHA-256 {hashlib.sha256(weights).hexdigest()}"
    metrics = load_checkpoint(None).config.metrics
    assert f"cell accuracy {metrics['held_out_cell_accuracy']:.1%}" in page.inner_text("#automaton-metrics")
    assert (
        page.inner_text("#trained-with") == "Trained with a firing rate of 0.5 and noise of 0.02: the marks."
    )
    marks = page.evaluate(
        "['fire-rate', 'noise'].map((id) => document.getElementById(id).list.options[0].value)"
    )
    assert marks == ["0.5", "0.02"]


def test_controls_change_what_they_say(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for control, value, setting, expected in [
        ("fire-rate", "0.3", "fireRate", 0.3),
        ("fire-rate", "1", "fireRate", 1),
        ("noise", "0", "noise", 0),
        ("noise", "0.1", "noise", 0.1),
        ("speed", "7", "speed", 120),
        ("speed", "0", "speed", 1),
    ]:
        page.locator(f"#{control}").fill(value)
        assert page.evaluate(f"ca.app.session.settings.{setting}") == expected
        assert page.inner_text(f"#{control}-value") == str(expected)
    page.check("#calm")
    assert page.evaluate("ca.app.session.settings.calm")
    page.uncheck("#calm")
    assert not page.evaluate("ca.app.session.settings.calm")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "shape", "nan", "json", "page"])
def test_files_that_are_no_automaton_are_told_in_a_line(page: Page, damage: str, tmp_path: Path) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    path = tmp_path / "other.safetensors"
    good = (Path(__file__).parents[2] / "checkpoints" / BUNDLED / "model.safetensors").read_bytes()
    header = json.loads(good[8 : 8 + int.from_bytes(good[:8], "little")])
    if damage == "shape":
        header["hidden.bias"]["shape"] = [8, 10]
    text = json.dumps(header).encode()
    whole = len(text).to_bytes(8, "little") + text + good[-89996:]
    content = {
        "empty": b"",
        "text": b"hello, I am no automaton at all",
        "cut": good[:50_000],
        "shape": whole,
        "nan": good[:-4] + np.float32("nan").tobytes(),
        "json": b'{"weights": "AAAA"}',
        "page": b"<!doctype html><title>Something else</title>",
    }[damage]
    path.write_bytes(content)
    page.set_input_files("#file", path)
    wait_until(page, "document.getElementById('check-result').textContent !== ''")
    assert page.inner_text("#check-result").startswith("other.safetensors: not an automaton of ca")
    assert page.evaluate("ca.app.data.name") == BUNDLED


# --- phones, and those who want less movement ---


def test_on_a_phone(browser: Browser, address: str) -> None:
    page = opened(
        browser,
        address,
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.inner_text("#play") == "Play"
    assert page.evaluate("ca.app.session.board.ticks") == 0
    assert page.is_checked("#calm")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(
        """() => [...document.querySelectorAll("main button, main select, main input:not(.hidden), summary")]
          .filter((one) => one.checkVisibility())
          .map((one) => [one.id || one.textContent, (one.closest("label") ?? one).getBoundingClientRect()])
          .filter(([, box]) => box.height < 44 || box.width < 44)
          .map(([name, box]) => [name, box.width, box.height])"""
    )
    assert small == []
    assert page.inner_text("#hint").startswith("Press play")
    fingers = Fingers(page)
    fingers.touch("touchStart", (8, 6))
    fingers.touch("touchMove", (40, 6))
    fingers.touch("touchEnd")
    next_frame(page)
    assert (ink_of(page)[6, 8:41] == 255).all()
    assert not page.is_visible("#hint")
    tap_until(page, "[data-tool=erase]", "ca.app.tool === 'erase'")
    fingers.touch("touchStart", (30, 6))
    fingers.touch("touchEnd")
    next_frame(page)
    assert ink_of(page)[6, 30] == 0
    assert ink_of(page)[6, 8] == 255
    tap_until(page, "#play", "ca.app.session.playing")
    wait_until(page, "ca.app.session.board.ticks > 3")
    closed(page)


def test_first_paint_shows_a_digit_that_runs(browser: Browser, address: str) -> None:
    page = opened(browser, address)
    wait_until(page, "ca.app.session.board.ticks > 5")
    assert living_cells(page).sum() > 50
    assert page.inner_text("#majority").strip() != ""
    assert page.inner_text("#hint") == "Draw on it, or choose another digit"
    x, y = centre_of(page, 28, 28)
    page.mouse.click(x, y)
    next_frame(page)
    assert not page.is_visible("#hint")
    closed(page)


def test_the_whiteboard_begins_with_a_digit_of_each_class(page: Page) -> None:
    page.select_option("#side", "140")
    page.evaluate("ca.app.session.step(100)")
    verdicts = page.evaluate("ca.app.session.readout().blobs.map(({ majority }) => majority)")
    assert len(verdicts) == 10, "each hangs together, and apart from the others"
    assert len(set(verdicts)) >= 8
    assert page.evaluate("ca.app.session.history.length") == 0


@pytest.mark.parametrize("deficiency", ["none", "deuteranopia", "protanopia", "tritanopia"])
def test_default_colours_stay_apart_for_all_eyes(page: Page, deficiency: str) -> None:
    """Colours of the legend as the browser shows them, at least 15 apart by CIEDE2000."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
    image = Image.open(io.BytesIO(page.locator("#votes").screenshot())).convert("RGB")
    origin = page.locator("#votes").bounding_box()
    colours = []
    for box in (swatch.bounding_box() for swatch in page.locator("#votes .swatch").all()[:10]):
        assert box is not None
        assert origin is not None
        colours.append(
            image.getpixel((int(box["x"] - origin["x"]) + 4, int(box["y"] - origin["y"] + box["height"] / 2)))
        )
    assert len(set(colours)) == 10
    labs = [to_lab(np.array(colour) / 255) for colour in colours]
    distances = [ciede2000(labs[i], labs[j]) for i in range(10) for j in range(i)]
    assert min(distances) >= 15
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB in [0, 1], white D65."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
    xyz = np.array(matrix) @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two colours in CIELAB (Sharma, Wu and Dalal, 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, (1 + g) * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lm, cm, hm = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + turn / 2) % 360
    waves = ((0.17, 1, 30), (-0.24, 2, 0), (-0.32, 3, -6), (0.2, 4, 63))
    t = 1 - sum(size * np.cos(np.radians(times * hm - shift)) for size, times, shift in waves)
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rotation = (
        -2 * np.sqrt(cm**7 / (cm**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2))))
    )
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rotation * dc / sc * dh / sh))


def test_ciede2000_is_that_of_its_authors() -> None:
    """Pairs 1, 7 and 25 of their test data."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ]
    for one, other, distance in pairs:
        assert ciede2000(np.array(one), np.array(other)) == pytest.approx(distance, abs=1e-4)


def test_page_is_small(html: str) -> None:
    assert len(html.encode()) <= 500_000
    assert len(zlib.compress(html.encode())) < 300_000
