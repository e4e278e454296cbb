"""Drawing on the board with real input: mouse, pen, fingers and keyboard."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from support.browser import (
    Fingers,
    cells_of,
    centre_of,
    closed,
    ink_of,
    load,
    next_frame,
    opened,
    set_ink,
    tap_until,
    wait_until,
)

BLANK = np.zeros((56, 56), dtype=np.uint8)


def drag(page: Page, start: tuple[int, int], end: tuple[int, int], button: str = "left") -> None:
    """Press, move in steps and release, from the middle of a cell to that of another."""
    page.mouse.move(*centre_of(page, *start))
    page.mouse.down(button="right" if button == "right" else "left")
    page.mouse.move(*centre_of(page, *end), steps=8)
    page.mouse.up(button="right" if button == "right" else "left")
    next_frame(page)


def distances(start: tuple[int, int], end: tuple[int, int]) -> np.ndarray:
    """How far the middle of each cell is from a line, in cells: (56, 56)."""
    y, x = np.mgrid[:56, :56] + 0.5
    a, b = np.array(start) + 0.5, np.array(end) + 0.5
    along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum()
    along = along.clip(0, 1)
    return np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1])


@pytest.mark.parametrize(
    ("width", "height", "scale", "scroll"),
    [(1200, 900, 1, 0), (900, 500, 1, 120), (390, 844, 2, 60)],
)
def test_mouse_leaves_ink_under_its_path_and_none_elsewhere(
    browser: Browser, exported: str, width: int, height: int, scale: int, scroll: int
) -> None:
    page = opened(browser, exported, viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.evaluate("ca.app.setPlaying(false)")
    set_ink(page, BLANK)
    page.evaluate("(y) => window.scrollTo(0, y)", scroll)
    assert page.evaluate("window.scrollY") == scroll
    start, end = (14, 12), (34, 26)
    drag(page, start, end)
    ink, far = ink_of(page), distances(start, end)
    assert (ink[far <= 2.5 / 2 - 0.5] == 255).all()
    assert (ink[far > 2.5 / 2 + 1] == 0).all()
    assert (ink > 0.1 * 255).sum() > 40
    closed(page)


@pytest.mark.parametrize("diameter", [1, 5])
def test_brush_has_the_width_that_was_chosen(page: Page, diameter: int) -> None:
    set_ink(page, BLANK)
    page.locator("#size").fill(str(diameter))
    drag(page, (10, 20), (40, 20))
    column = ink_of(page)[:, 25] / 255
    assert column.sum() == pytest.approx(diameter, abs=0.35)


def test_ink_appears_in_the_next_frame(page: Page) -> None:
    set_ink(page, BLANK)
    next_frame(page)
    assert page.is_visible("#guide")
    page.evaluate(
        """() => {
          const canvas = document.getElementById("board"), zoom = canvas.width / 56;
          canvas.addEventListener("pointerdown", () => requestAnimationFrame(() => {
            const pixel = canvas.getContext("2d").getImageData(20.5 * zoom, 25.5 * zoom, 1, 1);
            globalThis.pixel = [...pixel.data.slice(0, 3)];
          }));
        }"""
    )
    page.mouse.move(*centre_of(page, 20, 25))
    page.mouse.down()
    wait_until(page, "globalThis.pixel")
    assert max(page.evaluate("pixel")) < 200, "ink of cells that have no class yet"
    assert not page.is_visible("#guide")
    assert page.inner_text("#verdict") == "no cell has a class yet"
    page.mouse.up()


@pytest.mark.parametrize("tool", ["draw", "erase"])
def test_a_ring_shows_how_far_brush_and_eraser_reach(page: Page, tool: str) -> None:
    page.click(f"[data-tool={tool}]")
    page.locator("#size").fill("5")
    x, y = centre_of(page, 30, 40)
    page.mouse.move(x, y)
    ring, board = page.locator("#ring").bounding_box(), page.locator("#board").bounding_box()
    assert ring is not None
    assert board is not None
    assert ring["width"] == pytest.approx(5 * (board["width"] - 2) / 56, abs=0.1)
    assert ring["x"] + ring["width"] / 2 == pytest.approx(x, abs=0.1)
    assert ring["y"] + ring["height"] / 2 == pytest.approx(y, abs=0.1)
    page.mouse.move(5, 5)
    assert not page.is_visible("#ring")


def test_the_eraser_has_a_size_of_its_own(page: Page) -> None:
    page.click("[data-tool=erase]")
    page.locator("#size").fill("8")
    page.click("[data-tool=draw]")
    assert page.input_value("#size") == "2.5"
    set_ink(page, np.full((56, 56), 255, dtype=np.uint8))
    drag(page, (10, 20), (40, 20), button="right")
    column = 1 - ink_of(page)[:, 25] / 255
    assert column.sum() == pytest.approx(8, abs=0.35)


def test_a_pen_draws_and_its_other_end_erases(page: Page) -> None:
    set_ink(page, BLANK)
    session = page.context.new_cdp_session(page)

    def pen(kind: str, x: int, buttons: int) -> None:
        left, top = centre_of(page, x, 20)
        pressed = {"button": "left", "buttons": buttons, "pointerType": "pen"}
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": left, "y": top, **pressed})

    pen("mousePressed", 10, 1)
    pen("mouseMoved", 20, 1)
    pen("mouseReleased", 20, 0)
    next_frame(page)
    assert (ink_of(page)[20, 10:21] == 255).all()
    # No browser protocol has a pen's other end: what the browser would send is sent from within.
    page.evaluate(
        """([x, y]) => {
          const canvas = document.getElementById("board");
          canvas.setPointerCapture = () => {};
          const eraser = { pointerType: "pen", pointerId: 7, button: 5, buttons: 32, clientX: x, clientY: y };
          canvas.dispatchEvent(new PointerEvent("pointerdown", eraser));
          canvas.dispatchEvent(new PointerEvent("pointerup", eraser));
        }""",
        centre_of(page, 15, 20),
    )
    assert ink_of(page)[20, 15] == 0
    assert ink_of(page)[20, 10] == 255


def test_drawing_over_a_cell_keeps_its_state(page: Page) -> None:
    page.click("[aria-label='Test digit 4']")
    page.evaluate("ca.app.session.step(30)")
    before = cells_of(page)
    y, x = np.argwhere(before[0] > 0.1)[30]
    drag(page, (int(x), int(y)), (int(x), int(y)))
    after = cells_of(page)
    old = before[0] > 0.1
    assert (after[1:, old] == before[1:, old]).all()
    assert (after[0] >= before[0]).all()
    assert (after[1:, ~old] == 0).all()


@pytest.mark.parametrize("how", ["tool", "right", "shift"])
def test_erasing_clears_the_state_and_undo_restores_it(page: Page, how: str) -> None:
    page.evaluate("ca.app.session.step(30)")
    before = cells_of(page)
    y, x = (int(value) for value in np.argwhere(before[0] > 0.1)[40])
    if how == "tool":
        page.click("[data-tool=erase]")
    if how == "shift":
        page.keyboard.down("Shift")
    page.evaluate("ca.app.tools.sizes.erase = 2.5")
    drag(page, (x, y), (x + 2, y), button="right" if how == "right" else "left")
    page.keyboard.up("Shift")
    erased = cells_of(page)
    gone = (before[0] > 0.1) & (erased[0] <= 0.1)
    assert gone[y, x]
    assert (before[1:, gone] != 0).any()
    assert (erased[1:, erased[0] <= 0.1] == 0).all()
    assert page.evaluate("ca.app.session.consensus.sinceEdit") == 0
    page.click("#undo")
    assert (cells_of(page) == before).all()


def test_undo_removes_a_whole_stroke(page: Page) -> None:
    before = cells_of(page)
    drag(page, (5, 5), (50, 5))
    drag(page, (5, 50), (50, 50))
    page.keyboard.press("z")
    assert ink_of(page)[5].any()
    assert not ink_of(page)[50].any()
    page.keyboard.press("z")
    assert (cells_of(page) == before).all()
    next_frame(page)
    assert page.is_disabled("#undo")


def test_the_first_stroke_takes_the_board(page: Page, exported: str) -> None:
    """The sample that is there at first is gone, but not one that the visitor has chosen."""
    page.goto("about:blank")
    load(page, exported)
    greeting = ink_of(page)
    assert greeting.any()
    drag(page, (5, 5), (50, 5))
    ink = ink_of(page)
    assert ink[5, 5:50].all()
    assert not ink[8:].any()
    page.click("#undo")
    assert (ink_of(page) == greeting).all()
    page.click("[aria-label='Test digit 3']")
    sample = ink_of(page)
    drag(page, (5, 50), (50, 50))
    ink = ink_of(page)
    assert ink[50, 5:50].all()
    assert (ink[:45] == sample[:45]).all()


def test_a_first_stroke_that_erases_leaves_the_rest(page: Page, exported: str) -> None:
    page.goto("about:blank")
    load(page, exported)
    before = ink_of(page)
    drag(page, (20, 28), (36, 28), button="right")
    after = ink_of(page)
    assert 0 < (after > 0).sum() < (before > 0).sum()


@pytest.mark.parametrize(
    ("undo", "redo"), [("z", "y"), ("Control+z", "Control+Shift+Z"), ("Control+z", "Control+y")]
)
def test_redo_takes_back_an_undo(page: Page, undo: str, redo: str) -> None:
    set_ink(page, BLANK)
    states = [cells_of(page)]
    for row in (5, 20, 50):
        drag(page, (5, row), (50, row))
        page.evaluate("ca.app.session.step(3)")
        states.append(cells_of(page))
    for state in states[2:0:-1]:  # each undo goes to the moment before a stroke
        page.keyboard.press(undo)
        assert (cells_of(page) == state).all()
    for state in states[2:]:
        page.keyboard.press(redo)
        assert (cells_of(page) == state).all()
    page.keyboard.press(redo)
    assert (cells_of(page) == states[3]).all()
    next_frame(page)
    assert page.is_disabled("#redo")
    page.click("#undo")
    next_frame(page)
    assert page.is_enabled("#redo")
    drag(page, (5, 35), (50, 35))  # another change: there is nothing to redo any more
    next_frame(page)
    assert page.is_disabled("#redo")


def test_a_one_by_keyboard_is_one_stroke(page: Page) -> None:
    set_ink(page, BLANK)
    page.focus("#board")
    page.keyboard.press("ArrowRight")
    page.keyboard.down("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.down("Enter")  # as when it repeats
    page.keyboard.up("Enter")
    assert (ink_of(page)[28:48, 28] == 255).all()
    for _ in range(3):  # dots that follow each other
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
    assert page.evaluate("ca.app.session.history.before.length") == 1
    page.evaluate("ca.app.session.forget()")  # another change: the next dot is a stroke of its own
    page.keyboard.press("Enter")
    assert page.evaluate("ca.app.session.history.before.length") == 3
    page.keyboard.press("z")
    page.keyboard.press("z")
    page.keyboard.press("ArrowUp")  # the key is no longer held
    page.keyboard.press("z")
    assert not ink_of(page).any()


def test_two_fingers_draw_two_strokes(phone: Page) -> None:
    page = phone
    set_ink(page, BLANK)
    fingers = Fingers(page)
    fingers.touch("touchStart", (10, 10), (40, 10))
    for y in range(12, 32, 2):
        fingers.touch("touchMove", (10, y), (40, y))
    fingers.touch("touchEnd")
    next_frame(page)
    ink = ink_of(page)
    assert (ink[12:28, 10] == 255).all()
    assert (ink[12:28, 40] == 255).all()
    assert not ink[:, 15:36].any()
    assert page.evaluate("ca.app.session.history.before.length") == 1
    tap_until(page, "[data-tool=erase]", "ca.app.tools.tool === 'erase'")
    fingers.touch("touchStart", (10, 20))
    fingers.touch("touchEnd")
    next_frame(page)
    assert ink_of(page)[20, 10] == 0


def test_drawing_by_keyboard_alone(page: Page) -> None:
    set_ink(page, BLANK)
    page.focus("#board")
    page.keyboard.press("ArrowRight")
    for _ in range(6):
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
    assert (ink_of(page)[28:34, 28] == 255).all()
    page.evaluate("ca.app.tools.sizes.erase = 2.5")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Delete")
    assert ink_of(page)[33, 28] == 0
    assert ink_of(page)[28, 28] == 255


def test_no_long_frame_while_drawing_on_a_full_whiteboard(page: Page) -> None:
    """The page's own work between two frames, and the processor's time; a busy machine shows frames late."""
    page.select_option("#side", "140")
    page.evaluate(
        """() => {
          const { app } = ca, { session } = app;
          session.edit((board) => {
            for (let y = 0; y < 140; y++) for (let x = 0; x < 140; x++) {
              if ((x * 7 + y * 13) % 40 < 6) board.setInk(y * 140 + x, 255);
            }
          });
          globalThis.frames = [];
          let spent = 0;
          const timed = (object, name, after) => {
            const original = object[name];
            object[name] = function (...given) {
              const start = performance.now();
              original.apply(this, given);
              spent += performance.now() - start;
              after();
            };
          };
          timed(session, "edit", () => {});
          timed(app, "frame", () => {
            frames.push(spent);
            spent = 0;
          });
          app.setPlaying(true);
        }"""
    )
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def processor_milliseconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")

    late = mean = float("inf")
    for _ in range(4):  # other work on the machine makes frames long too, but not in all of these rounds
        page.evaluate("frames.length = 0")
        start = processor_milliseconds()
        for row in range(0, 140, 28):
            drag(page, (5, row), (130, row))
        lengths = np.sort(page.evaluate("frames"))
        mean = (processor_milliseconds() - start) / len(lengths)
        late = lengths[int(0.98 * len(lengths)) - 1]
        if late < 100 and mean < 100:
            break
    assert late < 100
    assert mean < 100
