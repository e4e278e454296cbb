"""What the visitor takes away and loads: links, pictures, GIFs, other automata."""

import base64
import copy
import dataclasses
import functools
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page
from safetensors.torch import save
from support.browser import (
    cells_of,
    closed,
    ink_of,
    living_cells,
    load,
    next_frame,
    open_details,
    opened,
    set_ink,
    wait_until,
)
from support.helpers import random_automaton, saved_automaton

from ca.architecture import Architecture
from ca.checkpoint.folder import BUNDLED, load_checkpoint
from ca.data.load import load_digits
from ca.model import CellularAutomaton
from ca.page.build import build_page

MNIST = load_digits("mnist", "test")


def test_link_restores_ink_and_settings(each_page: Page, browser: Browser) -> None:
    page = each_page
    page.select_option("#palette", "article")
    page.select_option("#view", "confidence")
    page.evaluate(
        "Object.assign(ca.app.session.settings, { seed: 99, fireRate: 0.7, noise: 0.01, speed: 30 })"
    )
    set_ink(page, np.random.default_rng(0).integers(0, 256, (56, 56), dtype=np.uint8) * (np.eye(56) > 0))
    open_details(page)
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


def test_broken_links_still_open(page: Page, exported: str) -> None:
    out_of_range = "#side=7&speed=x&view=constructor&seed=-1&noise=9"
    for broken in ("#", "#ink=", "#ink=%%%", "#ink=AAAA", out_of_range, "#side=140"):
        page.goto("about:blank")  # else a new hash alone would load nothing at once
        load(page, exported + broken)
        assert living_cells(page).any(), broken
        assert page.evaluate("ca.app.session.settings.view") == "class", broken
        assert page.evaluate("ca.app.session.settings.speed") == 20, broken


def test_an_empty_setting_in_a_link_is_left_out(page: Page, exported: str) -> None:
    """An empty text is not the number 0, which would stop all cells from firing."""
    page.goto("about:blank")
    load(page, f"{exported}#fireRate=&noise=&speed=%20&seed=")
    settings = page.evaluate("ca.app.session.settings")
    assert (settings["fireRate"], settings["noise"]) == (0.5, 0.02)
    assert settings["speed"] == 20


def test_picture_is_the_canvas(page: Page) -> None:
    page.evaluate("ca.app.session.step(30)")
    next_frame(page)
    open_details(page)
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


def test_gif_has_a_frame_for_every_tick(page: Page) -> None:
    page.evaluate("ca.app.session.forget()")
    open_details(page)
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


def test_weights_can_be_loaded(each_page: Page, tmp_path: Path) -> None:
    page = each_page
    open_details(page)
    assert BUNDLED in page.inner_text("#automaton-name")
    automaton = random_automaton(dtype=torch.float32)
    weights = saved_automaton(tmp_path, automaton) / "model.safetensors"
    page.set_input_files("#file", weights)
    wait_until(page, "ca.app.automaton.name === 'model.safetensors'")
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
    automaton = CellularAutomaton(Architecture(fire_rate=0.75, noise=0.01))
    automaton.load_state_dict(bundled.automaton.state_dict())
    with torch.no_grad():
        automaton.residual.bias[0] += 0.125
    path = bundled.path.with_name("another one")
    other = dataclasses.replace(bundled, path=path, automaton=automaton)
    return build_page(other, dataclasses.replace(MNIST, images=MNIST.images.flip(2)))


@pytest.mark.parametrize("how", ["page dropped", "json chosen"])
def test_another_page_can_be_loaded(page: Page, how: str, tmp_path: Path) -> None:
    open_details(page)
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
        (tmp_path / "data.json").write_text(json.dumps(data_of(other_page())))
        page.set_input_files("#file", tmp_path / "data.json")
    wait_until(page, "ca.app.automaton.name === 'another one'")
    assert page.inner_text("#automaton-name") == "another one"
    assert page.inner_text("#automaton-hash") == f"SHA-256 {page.evaluate('ca.app.automaton.hash')}"
    assert "cell accuracy" in page.inner_text("#automaton-metrics")
    assert "0.75 and noise of 0.01" in page.inner_text("#trained-with")
    assert page.evaluate("[ca.app.session.settings.fireRate, ca.app.session.settings.noise]") == [0.75, 0.01]
    assert page.inner_text("#fire-rate-value").startswith("0.75")
    assert page.evaluate("ca.app.session.network.layers[2].biases[0]") == pytest.approx(old + 0.125)
    page.click("[aria-label='Test digit 4']")
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 4][0].flip(1).numpy()).all()
    page.click("#check")
    assert page.inner_text("#check-result").startswith("The same rule")
    page.evaluate("ca.app.session.network.layers[2].biases[0] -= 0.125")
    page.click("#check")
    assert page.inner_text("#check-result").startswith("NOT the same rule")


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


def test_page_of_an_earlier_version_without_sizes_can_be_loaded(page: Page, tmp_path: Path) -> None:
    data = data_of(other_page())
    del data["sizes"], data["palettes"]
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    page.set_input_files("#file", path)
    wait_until(page, "ca.app.automaton.name === 'another one'")
    assert page.evaluate("ca.app.check()") < 1e-4


@pytest.mark.parametrize(("name", "value"), [("aliveThreshold", 0.3), ("hidden", [64, 64])])
def test_automaton_of_other_sizes_is_refused_in_one_line(
    name: str, value: float | list[int], page: Page, tmp_path: Path
) -> None:
    data = data_of(other_page())
    own = data["sizes"][name]
    data["sizes"][name] = value
    if name == "hidden":
        shapes = {"perception": (64, 180), "hidden": (64, 64), "residual": (19, 64)}
        weights = {f"{layer}.weight": torch.zeros(shape) for layer, shape in shapes.items()}
        biases = {f"{layer}.bias": torch.zeros(shape[0]) for layer, shape in shapes.items()}
        data["weights"] = base64.urlsafe_b64encode(save(weights | biases)).decode().rstrip("=")
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    page.set_input_files("#file", path)
    wait_until(page, "document.getElementById('check-result').textContent !== ''")
    words = [" ".join(map(str, np.atleast_1d(one))) for one in (value, own)]
    message = f"data.json: an automaton of other sizes: its {name} is {words[0]}, this page's {words[1]}"
    assert page.inner_text("#check-result") == message
    assert page.evaluate("ca.app.automaton.name") == BUNDLED


def text_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


HOSTILE: dict[str, Any] = {
    "hash": [None, 5, "0" * 64, {}],
    "name": [None, 5, ["a"], {"a": 1}],
    "metrics": [None, 7],
    "fireRate": [None, "0.5", -0.1, 1.5, [0.5]],
    "noise": [None, -1, 1e9, "x"],
    "sizes": [5, [], {"channels": 20}, {"hidden": {"a": 1}}, "x" * 10_000],
    "weights": [None, 5, "", "%%%", "AAAA", {}, text_of(b"\xff" * 100)],
    "samples": [None, 5, [], {}],
    "samples.side": [None, -5, 0, 27, 2000, 28.5, "28"],
    "samples.labels": [None, [], 5, {}, [10], [-1], [0.5], ["4"], [4], [[]], [4] * 20_000],
    "samples.images": [None, 5, "", "AAAA", "%%%", []],
    "trace": [None, 5, [], {}],
    "trace.side": [None, -5, 2000, 100_000, 1e400, "28"],
    "trace.ink": [None, "", "AAAA", 5],
    "trace.seed": [None, -1, 2**32, 0.5, "1"],
    "trace.fireRate": [None, 2, "x"],
    "trace.noise": [None, -1, []],
    "trace.states": [
        None,
        {},
        [],
        {"1000000": ""},
        {"-1": ""},
        {"x": ""},
        {"1.5": ""},
        {"20": "AAAA"},
        {"20": 5},
    ],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_with_wrong_data_is_refused_in_one_line_and_changes_nothing(name: str, page: Page) -> None:
    original = data_of(other_page())
    state = "JSON.stringify([ca.app.automaton.name, ca.app.automaton.hash, ca.app.samples.samples.length, \
        ca.app.session.settings, ca.app.session.network.layers[2].biases[0]])"
    before = page.evaluate(state)
    for value in HOSTILE[name]:
        data = copy.deepcopy(original)
        *above, last = name.split(".")
        owner = data[above[0]] if above else data
        owner[last] = value
        message = page.evaluate(
            """async (text) => {
              await ca.app.load(new File([text], "data.json"));
              return document.getElementById("check-result").textContent;
            }""",
            json.dumps(data),
        )
        assert message.startswith("data.json: "), value
        assert re.match(r"data\.json: (not an automaton of ca|an automaton of other sizes): ", message), (
            message
        )
        assert len(message) < 800
        assert not re.search("undefined is|not a function|destructure|Cannot|null is|Infinity", message), (
            message
        )
        assert page.evaluate(state) == before


def test_changed_weights_under_an_old_hash_are_refused(page: Page) -> None:
    data = data_of(other_page())
    weights = bytearray(base64.urlsafe_b64decode(data["weights"] + "=="))
    weights[-4:] = np.float32(0.5).tobytes()
    data["weights"] = text_of(bytes(weights))
    open_details(page)
    for hash_of, loaded in ((data["hash"], False), (hashlib.sha256(weights).hexdigest(), True)):
        data["hash"] = hash_of
        page.evaluate("(text) => ca.app.load(new File([text], 'data.json'))", json.dumps(data))
        assert ("its weights are not those" not in page.inner_text("#check-result")) == loaded
        assert (page.inner_text("#automaton-name") == "another one") == loaded
    assert page.inner_text("#automaton-hash") == f"SHA-256 {hashlib.sha256(weights).hexdigest()}"


@pytest.mark.parametrize(
    "header",
    [
        b"null",
        b"[]",
        b"5",
        b'{"perception.weight": 5}',
        b'{"perception.weight": {"dtype": "F32", "shape": [80, 180], "data_offsets": 5}}',
        b'{"perception.weight": {"dtype": "F32", "shape": [80, 180], "data_offsets": [0.5, 57600.5]}}',
        b'{"perception.weight": {"dtype": "F32", "shape": [80, 180], "data_offsets": [-57600, 0]}}',
        b'{"perception.weight": {"dtype": "F32", "shape": [80, 180], "data_offsets": ["0", "57600"]}}',
    ],
)
def test_weights_with_a_wrong_header_are_refused_in_one_line(
    header: bytes, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(200_000))
    page.set_input_files("#file", path)
    wait_until(page, "document.getElementById('check-result').textContent !== ''")
    message = page.evaluate("document.getElementById('check-result').textContent")
    assert message.startswith("model.safetensors: not an automaton of ca: ")
    assert not re.search("Cannot|not iterable|destructure|multiple of", message)


def test_automaton_is_described(page: Page) -> None:
    open_details(page)
    weights = (Path(__file__).parents[3] / "checkpoints" / BUNDLED / "model.safetensors").read_bytes()
    assert page.inner_text("#automaton-name") == BUNDLED
    assert page.inner_text("#automaton-hash") == f"SHA-256 {hashlib.sha256(weights).hexdigest()}"
    metrics = load_checkpoint(None).config.metrics
    assert f"cell accuracy {metrics['held_out_cell_accuracy']:.1%}" in page.inner_text("#automaton-metrics")
    assert (
        page.inner_text("#trained-with")
        == "Trained with a firing rate of 0.5 and noise of 0.02, marked on the sliders."
    )
    marks = page.evaluate(
        "['fire-rate', 'noise'].map((id) => document.getElementById(id).list.options[0].value)"
    )
    assert marks == ["0.5", "0.02"]


def test_files_without_an_automaton_are_refused_in_one_line(page: Page, tmp_path: Path) -> None:
    open_details(page)
    good = (Path(__file__).parents[3] / "checkpoints" / BUNDLED / "model.safetensors").read_bytes()
    header = json.loads(good[8 : 8 + int.from_bytes(good[:8], "little")])
    header["hidden.bias"]["shape"] = [8, 10]
    text = json.dumps(header).encode()
    damages = {
        "empty": b"",
        "text": b"hello, I am no automaton at all",
        "cut": good[:50_000],
        "shape": len(text).to_bytes(8, "little") + text + good[-89996:],
        "nan": good[:-4] + np.float32("nan").tobytes(),
        "json": b'{"weights": "AAAA"}',
        "page": b"<!doctype html><title>Something else</title>",
    }
    for damage, content in damages.items():
        path = tmp_path / f"{damage}.safetensors"
        path.write_bytes(content)
        page.set_input_files("#file", path)
        message = f"{path.name}: not an automaton of ca"
        wait_until(page, f"document.getElementById('check-result').textContent.startsWith('{message}')")
    assert page.evaluate("ca.app.automaton.name") == BUNDLED
