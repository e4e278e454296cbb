"""What the page says about the cells: votes, majority, agreement, blobs, colours, single cells."""

import base64
import io
from itertools import pairwise

import numpy as np
import pytest
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

from ca.data.digits import load_digits

MNIST = load_digits("mnist", "test")
DISTINCT = [
    "536c58",
    "fe3687",
    "3d00f3",
    "9aff7e",
    "9e9e07",
    "b50502",
    "11a8a1",
    "ecafff",
    "8472ff",
    "92006d",
]


def classes_of(cells: np.ndarray) -> np.ndarray:
    """Class of each cell, 10 where no output is above zero, -1 where it is dead: (side, side)."""
    outputs = cells[10:]
    classes = np.where(outputs.max(0) > 0, outputs.argmax(0), 10)
    return np.where(cells[0] > np.float32(0.1), classes, -1)


def show(page: Page, label: int, ticks: int) -> None:
    page.evaluate("(label) => ca.app.choose(ca.app.samples.sample(label), true)", label)
    page.evaluate("(ticks) => ca.app.session.step(ticks)", ticks)
    next_frame(page)


@pytest.mark.parametrize(("label", "ticks"), [(3, 0), (3, 8), (7, 14), (2, 200)])
def test_bars_and_words_are_what_the_state_says(page: Page, label: int, ticks: int) -> None:
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


def test_settled_after_twenty_unanimous_ticks(page: Page) -> None:
    page.evaluate("ca.app.choose(ca.app.samples.sample(1), true)")
    for _ in range(300):
        page.evaluate("ca.app.session.step(1)")
        unanimous = len(set(classes_of(cells_of(page)).flatten()) - {-1}) == 1
        settled_for = page.evaluate("ca.app.session.settledFor")
        assert (settled_for > 0) == unanimous
        next_frame(page)
        assert page.inner_text("#settled").startswith("settled") == (settled_for >= 20)
        if settled_for >= 20:
            break
    else:
        pytest.fail("a one is never settled")
    page.evaluate("ca.app.session.edit((board) => board.setInk(0, 255))")
    next_frame(page)
    assert not page.inner_text("#settled").startswith("settled")


@pytest.mark.parametrize("palette", ["distinct", "petroff", "article"])
def test_pixels_have_the_colours_of_the_legend(page: Page, palette: str) -> None:
    page.select_option("#palette", palette)
    show(page, 3, 25)
    classes = classes_of(cells_of(page))
    places = [tuple(map(int, place)) for place in np.argwhere((classes >= 0) & (classes < 10))[::9]]
    swatches = page.evaluate(
        """[...document.querySelectorAll("#votes .swatch")].map(
          (element) => getComputedStyle(element).backgroundColor.match(/\\d+/g).map(Number))"""
    )
    screen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    assert len(places) >= 10
    for y, x in places:
        assert (
            list(np.asarray(screen)[tuple(map(int, centre_of(page, x, y)))[::-1]]) == swatches[classes[y, x]]
        )
    if palette == "distinct":
        assert ["".join(f"{part:02x}" for part in swatch) for swatch in swatches[:10]] == DISTINCT


def test_undecided_cells_are_hatched_on_the_board_and_in_the_legend(page: Page) -> None:
    show(page, 3, 0)
    y, x = (int(value) for value in np.argwhere(classes_of(cells_of(page)) == 10)[40])
    left, top = (int(value) for value in centre_of(page, x, y))
    screen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    near = screen[top - 4 : top + 5, left - 4 : left + 5]
    assert near.max() == 176
    assert near.min() < 140, "dark lines"
    swatch = page.locator("#votes .swatch").last
    assert swatch.inner_text() == "?"
    assert "gradient" in swatch.evaluate("(element) => getComputedStyle(element).backgroundImage")


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
    found = page.evaluate("ca.app.session.readout().blobs.map(({ cells }) => cells)")
    assert {frozenset(divmod(cell, 140) for cell in blob) for blob in found} == {blob for blob, _ in expected}
    shown = page.locator("#blobs li").all_inner_texts()
    assert sorted(shown) == sorted(text for blob, text in expected if len(blob) >= 8)
    assert page.inner_text("#verdict").startswith(f"{len(shown)} digits")
    assert sorted(page.evaluate("written")) == sorted(shown), "the same is written on the board"


def test_inspector_shows_the_state_by_mouse_and_by_keyboard(page: Page) -> None:
    show(page, 5, 30)
    cells, ink = cells_of(page), ink_of(page)
    places = [tuple(map(int, place)) for place in np.argwhere(ink > 0)[::12]][:10]
    box = page.locator("#board").bounding_box()
    assert box is not None
    for y, x in [*places, (0, 0), (55, 55)]:
        page.mouse.move(
            box["x"] + 1 + (x + 0.5) * (box["width"] - 2) / 56,
            box["y"] + 1 + (y + 0.5) * (box["height"] - 2) / 56,
        )
        next_frame(page)
        check_cell(page, cells, ink, y, x)
    page.mouse.move(5, 5)
    next_frame(page)
    assert not page.is_visible("#inspector")
    page.focus("#board")
    page.keyboard.press("ArrowUp")  # to the middle
    y = x = 28
    moves = {"ArrowUp": (-1, 0), "ArrowLeft": (0, -1), "Shift+ArrowDown": (5, 0), "ArrowRight": (0, 1)}
    for key in [*moves, "Shift+ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowRight"]:
        page.keyboard.press(key)
        next_frame(page)
        y, x = y + moves[key][0], x + moves[key][1]
        check_cell(page, cells, ink, y, x)


def check_cell(page: Page, cells: np.ndarray, ink: np.ndarray, y: int, x: int) -> None:
    assert page.inner_text("#cell-name") == f"Cell in column {x + 1}, row {y + 1}"
    texts = page.locator("#cell-values td").all_inner_texts()
    shown = dict(zip(texts[::2], texts[1::2], strict=True))
    assert shown["grey"] == f"{ink[y, x]} / 255"
    assert shown["alive"] == ("yes" if cells[0, y, x] > np.float32(0.1) else "no")
    for channel in range(1, 20):
        name = f"comm. {channel}" if channel < 10 else f"output {channel - 10}"
        assert float(shown[name]) == pytest.approx(float(cells[channel, y, x]), abs=0.00051)


def test_tapping_with_look_inspects_and_draws_nothing(browser: Browser, address: str) -> None:
    page = opened(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.evaluate("ca.app.setPlaying(false)")
    show(page, 5, 30)
    tap_until(page, "[data-tool=look]", "ca.app.tool === 'look'")
    cells, ink, fingers = cells_of(page), ink_of(page), Fingers(page)
    for y, x in [tuple(map(int, place)) for place in np.argwhere(ink > 0)[::12]][:10]:
        fingers.touch("touchStart", (x, y))
        fingers.touch("touchEnd")
        next_frame(page)
        check_cell(page, cells, ink, y, x)
    table, board = page.locator("#inspector").bounding_box(), page.locator("#board").bounding_box()
    votes = page.locator("#votes").bounding_box()
    assert table is not None
    assert board is not None
    assert votes is not None
    assert board["y"] < table["y"] < votes["y"], "under the board, where a finger has not to go far"
    assert (ink_of(page) == ink).all()
    closed(page)


def test_course_of_the_votes_is_that_of_the_last_ticks(page: Page) -> None:
    page.evaluate("ca.app.session.course = []")
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


def test_last_update_is_the_mean_absolute_residual(page: Page) -> None:
    page.evaluate("Object.assign(ca.app.session.settings, { noise: 0, fireRate: 1 })")
    show(page, 5, 3)
    before = cells_of(page)
    page.evaluate("ca.app.session.step(1)")
    change = np.abs(cells_of(page)[1:] - before[1:]).mean(0)
    sizes = np.array(page.evaluate("[...ca.app.session.board.lastUpdate]")).reshape(56, 56)
    np.testing.assert_allclose(sizes, change, atol=1e-5)


def test_every_view_redraws_the_board(page: Page) -> None:
    show(page, 8, 12)
    seen = {}
    for view in page.locator("#view option").evaluate_all("(all) => all.map((one) => one.value)"):
        page.select_option("#view", view)
        next_frame(page)
        seen[view] = page.evaluate("document.getElementById('board').toDataURL()")
        assert (page.inner_text("#view-about") == "") == (view == "class")
    assert len(seen) == 4 + 20
    assert len(set(seen.values())) == len(seen)


def test_marks_need_no_colour(page: Page) -> None:
    show(page, 8, 60)
    page.select_option("#view", "marks")
    pictures = []
    for palette in ("distinct", "article"):
        page.select_option("#palette", palette)
        next_frame(page)
        pictures.append(page.evaluate("document.getElementById('board').toDataURL()"))
    assert pictures[0] == pictures[1]
    colours = page.evaluate(
        """() => {
          const canvas = document.getElementById("board");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let coloured = 0;
          for (let at = 0; at < data.length; at += 4) {
            const parts = [data[at], data[at + 1], data[at + 2]];
            if (Math.max(...parts) - Math.min(...parts) > 24) coloured++;
          }
          return coloured;
        }"""
    )
    assert colours == 0


def test_calm_colours_change_less_often(page: Page) -> None:
    counts = page.evaluate(
        """() => {
          const { session } = ca.app, counts = [];
          for (const calm of [false, true]) {
            session.settings.calm = calm;
            ca.app.choose(ca.app.samples.sample(5), true);
            let changes = 0, last = null;
            for (let tick = 0; tick < 60; tick++) {
              session.step(1);
              const now = [...session.board.aliveCells()].map((cell) => session.shown.shown[cell]);
              if (last) changes += now.filter((index, row) => index !== last[row]).length;
              last = now;
            }
            counts.push(changes);
          }
          return counts;
        }"""
    )
    assert 0 < counts[1] < 0.7 * counts[0]


def test_speech_is_at_most_once_a_second(browser: Browser, address: str) -> None:
    page = opened(browser, address)
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
