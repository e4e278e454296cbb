"""The controls: keys, names, focus, sliders."""

from typing import Any

from playwright.sync_api import Page
from support.browser import cells_of, ink_of, next_frame, open_details, wait_until


def test_every_key_in_the_help_works(page: Page) -> None:
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
        ("e", "ca.app.tools.tool", "draw", "erase"),
        ("l", "ca.app.tools.tool", "erase", "look"),
        ("d", "ca.app.tools.tool", "look", "draw"),
        ("]", "ca.app.tools.sizes.draw", 2.5, 3),
        ("[", "ca.app.tools.sizes.draw", 3, 2.5),
        ("v", f"{session}.settings.view", "class", "marks"),
        ("p", f"{session}.settings.palette", "distinct", "petroff"),
        *((str(label), f"{session}.label", (label - 1) % 10, label) for label in (*range(5, 10), *range(5))),
        ("z", f"{session}.label", 4, 3),
        ("y", f"{session}.label", 3, 4),
        ("Ctrl+Z", f"{session}.label", 4, 3),
        ("Ctrl+Shift+Z", f"{session}.label", 3, 4),
        ("Ctrl+Z", f"{session}.label", 4, 3),
        ("Ctrl+Y", f"{session}.label", 3, 4),
        ("o", "ca.app.samples.set", 0, 1),
        ("g", "ca.app.recorder.recording", False, True),
    ]
    pressed = {"?"}

    def press(key: str) -> None:
        pressed.add(key if key.startswith("Ctrl+") else key.lower())
        page.keyboard.press(key.replace("Ctrl", "Control"))

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


def test_every_control_has_a_tooltip_and_is_named_as_it_reads(page: Page) -> None:
    open_details(page)
    controls = page.evaluate(
        """() => [...document.querySelectorAll("main button, main select, main input:not([type=file])")]
          .filter((one) => one.checkVisibility() && !one.closest("#samples, [id=link-text], form"))
          .map((one) => ({
            id: one.id || one.dataset.tool,
            title: one.title || one.closest("[title]")?.title || "",
            name: one.getAttribute("aria-label"),
            text: one.matches("button") ? one.innerText.trim() : "",
          }))"""
    )
    assert len(controls) > 20
    assert [one["id"] for one in controls if len(one["title"]) < 4] == []
    assert [
        one for one in controls if one["name"] and one["text"] not in one["name"] and one["text"] != "?"
    ] == []


def test_typing_triggers_no_keys(page: Page) -> None:
    open_details(page)
    page.fill("#seed", "")
    page.type("#seed", "42")
    page.keyboard.press("Tab")
    assert page.evaluate("ca.app.session.settings.seed") == 42
    assert page.evaluate("ca.app.session.label") == 4, "no sample was chosen by a digit that was typed"


def test_every_control_has_a_name_and_is_reached_by_tab(page: Page) -> None:
    open_details(page)
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


def test_sliders_and_boxes_change_their_settings(page: Page) -> None:
    open_details(page)
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
