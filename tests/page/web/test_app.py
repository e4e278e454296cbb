"""The whole page: its first sight, and its use on a phone."""

from playwright.sync_api import Browser
from support.browser import (
    PHONE,
    Fingers,
    centre_of,
    closed,
    ink_of,
    living_cells,
    next_frame,
    open_details,
    opened,
    tap_until,
    wait_until,
)


def test_on_a_phone(browser: Browser, exported: str) -> None:
    page = opened(browser, exported, **PHONE, device_scale_factor=2, reduced_motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.inner_text("#play") == "Play"
    assert page.evaluate("ca.app.session.board.ticks") == 0
    assert page.is_checked("#calm")
    open_details(page)
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
    tap_until(page, "[data-tool=erase]", "ca.app.tools.tool === 'erase'")
    fingers.touch("touchStart", (30, 6))
    fingers.touch("touchEnd")
    next_frame(page)
    assert ink_of(page)[6, 30] == 0
    assert ink_of(page)[6, 8] == 255
    tap_until(page, "#play", "ca.app.session.playing")
    wait_until(page, "ca.app.session.board.ticks > 3")
    closed(page)


def test_page_starts_with_a_running_digit(browser: Browser, each_address: str) -> None:
    page = opened(browser, each_address)
    wait_until(page, "ca.app.session.board.ticks > 5")
    assert living_cells(page).sum() > 50
    assert page.inner_text("#majority").strip() != ""
    assert page.inner_text("#hint") == "Draw a digit, or choose one"
    x, y = centre_of(page, 28, 28)
    page.mouse.click(x, y)
    next_frame(page)
    assert not page.is_visible("#hint")
    closed(page)
