"""All numbers of one cell, by mouse, keyboard and finger."""

import numpy as np
import pytest
from playwright.sync_api import Page
from support.browser import Fingers, cells_of, ink_of, next_frame, show, tap_until


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
        name = f"channel {channel}" if channel < 10 else f"output {channel - 10}"
        assert float(shown[name]) == pytest.approx(float(cells[channel, y, x]), abs=0.00051)


def test_tapping_with_look_inspects_and_draws_nothing(phone: Page) -> None:
    page = phone
    show(page, 5, 30)
    tap_until(page, "[data-tool=look]", "ca.app.tools.tool === 'look'")
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
