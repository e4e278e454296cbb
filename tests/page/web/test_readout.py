"""What the page reports of the cells: votes, majority, agreement, the verdict on each digit."""

import base64
import io
import re
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page
from support.browser import cells_of, classes_of, closed, next_frame, opened, set_ink, show, wait_until

from ca.data.load import load_digits

MNIST = load_digits("mnist", "test")


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it, of two colours as CSS writes them: rgb(1, 2, 3)."""

    def luminance(text: str) -> float:
        parts = np.array([int(part) for part in re.findall(r"\d+", text)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", ["distinct", "petroff", "article"])
def test_names_on_the_colours_of_the_classes_can_be_read(page: Page, palette: str) -> None:
    page.select_option("#palette", palette)
    swatches = page.evaluate(
        """() => [...document.querySelectorAll("#votes .swatch")].map((one) => {
          const { backgroundColor, color } = getComputedStyle(one);
          return [backgroundColor, color];
        })"""
    )
    assert len(swatches) == 11
    assert min(contrast(*pair) for pair in swatches) >= 4.5


@pytest.mark.parametrize(("label", "ticks"), [(3, 0), (3, 8), (7, 14), (2, 200)])
def test_bars_and_words_match_the_state(page: Page, label: int, ticks: int) -> None:
    show(page, label, ticks)
    classes = classes_of(cells_of(page))
    votes = [int((classes == index).sum()) for index in range(11)]
    shown = [int(text) for text in page.locator("#votes .count").all_inner_texts()]
    assert shown == votes
    assert sum(shown) == (classes >= 0).sum()
    widths = page.evaluate(
        "[...document.querySelectorAll('#votes .fill')].map((bar) => bar.getBoundingClientRect().width)"
    )
    track = page.locator("#votes .track").first.bounding_box()
    assert track is not None
    np.testing.assert_allclose(np.array(widths) / track["width"], np.array(votes) / sum(votes), atol=0.01)
    if not any(votes[:10]):
        assert page.inner_text("#verdict") == "no cell has a class yet"
        return
    majority, most = int(np.argmax(votes[:10])), max(votes[:10])
    assert page.inner_text("#verdict") == f"{100 * most // sum(votes)} % say {majority}"
    assert page.inner_text("#majority") == str(majority)
    assert f"{ticks} ticks since the last edit" in page.inner_text("#settled")
    assert page.inner_text("#label") == (
        f"its label is {label}: {'right ✓' if majority == label else 'not right ✗'}"
    )


def classes_on(page: Page) -> set[int]:
    return set(classes_of(cells_of(page)).flatten().tolist()) - {-1}


def enlarged_digit(label: int, times: int) -> NDArray[np.uint8]:
    """The first test digit of a class, in the middle of the board."""
    ink = np.kron(MNIST.images[MNIST.labels == label][0].numpy(), np.ones((times, times), np.uint8))
    return np.pad(ink, (56 - len(ink)) // 2)


@pytest.mark.parametrize(("label", "times"), [(1, 1), (8, 1), (7, 2)])
def test_how_sure_a_verdict_is_follows_from_the_first_agreement(page: Page, label: int, times: int) -> None:
    ink = enlarged_digit(label, times)
    set_ink(page, ink)
    rows = np.flatnonzero((ink > 0.1 * 255).any(1))
    slower = max(1.0, (rows[-1] - rows[0] + 1) / 20)  # larger digits take longer
    first = 0
    while len(classes := classes_on(page)) != 1 or not classes < set(range(10)):
        page.evaluate("ca.app.session.step(1)")
        first += 1
    next_frame(page)
    word = "sure" if first <= 40 * slower else "fairly sure" if first <= 60 * slower else "unsure"
    assert page.inner_text("#sureness") == f"{word}: agreed after {first} ticks"
    assert page.evaluate("ca.app.session.consensus.sureness(-1)") == "unsure"  # the class has changed
    page.evaluate("ca.app.session.edit((board) => board.setInk(0, 255))")
    next_frame(page)
    assert page.inner_text("#sureness") == ""


def test_a_digit_whose_cells_never_agree_is_unsure(page: Page) -> None:
    set_ink(page, enlarged_digit(0, 2))
    page.evaluate("ca.app.session.step(140)")
    next_frame(page)
    assert len(classes_on(page)) > 1
    assert page.inner_text("#sureness") == "unsure: the cells have not agreed"


def test_parts_of_a_digit_that_do_not_touch_are_told(page: Page) -> None:
    ink = np.zeros((56, 56), dtype=np.uint8)
    ink[10:30, 20:23] = ink[40:43, 20:30] = 255
    set_ink(page, ink)
    page.evaluate("ca.app.session.step(30)")
    next_frame(page)
    classes = classes_of(cells_of(page))
    shown = page.inner_text("#parts")
    assert shown.startswith("2 parts that do not touch: ")
    majorities = {
        str(np.bincount([classes[y, x] for y, x in part if 0 <= classes[y, x] < 10]).argmax())
        for part in components(ink > 0)
    }
    assert {text[0] for text in shown.split(": ")[1].split(", ")} == majorities
    ink[30:42, 22] = 255  # joins them
    set_ink(page, ink)
    next_frame(page)
    assert page.inner_text("#parts") == ""


def components(alive: np.ndarray) -> list[set[tuple[int, int]]]:
    """Sets of cells that touch, also by their corners."""
    waiting = {tuple(map(int, place)) for place in np.argwhere(alive)}
    found = []
    while waiting:
        blob, border = set(), [waiting.pop()]
        while border:
            y, x = border.pop()
            blob.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & waiting
            waiting -= near
            border += near
        found.append(blob)
    return found


def test_each_digit_on_the_whiteboard_has_its_own_verdict(page: Page) -> None:
    page.select_option("#side", "140")
    page.evaluate(
        """() => {
          globalThis.written = [];
          const { fillText } = CanvasRenderingContext2D.prototype;
          CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
            written.push(text);
            fillText.call(this, text, ...place);
          };
        }"""
    )
    board = np.zeros((140, 140), dtype=np.uint8)
    for number, (y, x) in enumerate([(3, 3), (5, 60), (50, 100), (100, 20), (108, 70)]):
        board[y : y + 28, x : x + 28] = MNIST.images[number]
    set_ink(page, board)
    page.evaluate("ca.app.session.step(40); written.length = 0")
    next_frame(page)
    cells = cells_of(page)
    classes = classes_of(cells)
    expected = set()
    for blob in components(cells[0] > np.float32(0.1)):
        votes = np.bincount([classes[place] for place in blob], minlength=11)
        most = votes[:10].argmax()
        share = 100 * votes[most] // len(blob)
        expected.add((frozenset(blob), f"{most}" if share == 100 else f"{most} ({share} %)"))
    assert len(expected) >= 5
    found = page.evaluate("ca.app.session.consensus.readout().blobs.map(({ cells }) => cells)")
    assert {frozenset(divmod(cell, 140) for cell in blob) for blob in found} == {blob for blob, _ in expected}
    shown = page.locator("#blobs li").all_inner_texts()
    assert sorted(shown) == sorted(text for blob, text in expected if len(blob) >= 8)
    assert page.inner_text("#verdict").startswith(f"{len(shown)} digits")
    assert sorted(page.evaluate("written")) == sorted(shown), "the same is written on the board"


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ([(20, 5), (14, 40), (8, 75), (16, 105)], [0, 1, 2, 3]),  # a line that rises, then falls
        ([(75, 100), (3, 3), (80, 10), (8, 60)], [1, 3, 2, 0]),  # two lines
        (
            [(0, 0), (28, 40), (56, 80), (84, 110)],
            [0, 1, 2, 3],
        ),  # one below the other, further and further right
    ],
)
def test_digits_on_the_whiteboard_are_read_line_by_line(
    page: Page, places: list[tuple[int, int]], order: list[int]
) -> None:
    """Not by their topmost pixels."""
    page.select_option("#side", "140")
    board = np.zeros((140, 140), dtype=np.uint8)
    digits = [MNIST.images[index] for index in (0, 3, 7, 10)]  # each is one blob
    for digit, (y, x) in zip(digits, places, strict=True):
        board[y : y + 28, x : x + 28] = digit
    set_ink(page, board)
    next_frame(page)
    found = page.evaluate("ca.app.session.consensus.readout().blobs.map(({ cells }) => cells[0])")
    boxes = [places[index] for index in order]
    assert len(found) == len(boxes)
    for cell, (y, x) in zip(found, boxes, strict=True):
        assert y <= cell // 140 < y + 28
        assert x <= cell % 140 < x + 28


def test_two_digits_that_touch_are_too_wide_for_one(page: Page) -> None:
    ink = np.zeros((56, 56), dtype=np.uint8)
    ink[20:40, 6:9] = ink[20:23, 6:22] = ink[20:40, 40:43] = 255
    ink[38:40, 6:43] = 255
    set_ink(page, ink)
    next_frame(page)
    assert page.inner_text("#parts") == "too wide for one digit"
    page.select_option("#side", "140")
    board = np.zeros((140, 140), dtype=np.uint8)
    board[10:66, 10:66] = ink
    board[80:108, 10:38] = MNIST.images[0]
    set_ink(page, board)
    next_frame(page)
    first, second = page.locator("#blobs li").all_inner_texts()
    assert first.endswith(": too wide for one digit")
    assert "wide" not in second


def test_course_of_the_votes_is_that_of_the_last_ticks(page: Page) -> None:
    page.evaluate("ca.app.session.consensus.course = []")
    show(page, 3, 0)
    shares = []
    for _ in range(12):
        page.evaluate("ca.app.session.step(1)")
        classes = classes_of(cells_of(page))
        shares.append(np.bincount(classes[classes >= 0], minlength=11) / (classes >= 0).sum())
    next_frame(page)
    picture = page.evaluate("document.getElementById('course').toDataURL()").split(",")[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))
    palette = np.array([*page.evaluate("ca.app.palette"), [176, 176, 176]])
    for column, share in zip(pixels[:, -12:].transpose(1, 0, 2), shares, strict=True):
        seen = np.array([(column == colour).all(1).mean() for colour in palette])
        np.testing.assert_allclose(seen, share, atol=2.1 / len(column))  # two rows may be a mixture
    assert (pixels[:, :-12] == 0).all()


def test_speech_is_at_most_once_a_second(browser: Browser, exported: str) -> None:
    page = opened(browser, exported)
    page.evaluate(
        """() => {
          globalThis.spoken = [];
          const element = document.getElementById("spoken");
          new MutationObserver(() => spoken.push([document.timeline.currentTime, element.textContent]))
            .observe(element, { childList: true });
          ca.app.choose(ca.app.samples.sample(8), true);
        }"""
    )
    wait_until(page, "spoken.length >= 2")
    spoken = page.evaluate("spoken")
    assert all(later[0] - earlier[0] >= 1000 for earlier, later in pairwise(spoken))
    assert "cells" in spoken[-1][1]
    assert page.get_attribute("#spoken", "aria-live") == "polite"
    closed(page)
