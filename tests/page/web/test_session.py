"""A session: pause, steps, speed and undo."""

import pytest
from playwright.sync_api import Page
from support.browser import (
    cells_of,
    change_settings,
    classes_of,
    ink_of,
    let_frames_pass,
    next_frame,
    wait_until,
)


def test_pause_and_steps(page: Page) -> None:
    ticks = "ca.app.session.board.ticks"
    start, cells = page.evaluate(ticks), cells_of(page)
    let_frames_pass(page, 500)  # ten ticks, if it went on
    assert page.evaluate(ticks) == start
    assert (cells_of(page) == cells).all()
    page.click("#step")
    assert page.evaluate(ticks) == start + 1
    page.click("#step-10")
    assert page.evaluate(ticks) == start + 11
    next_frame(page)
    assert page.inner_text("#ticks") == f"tick {start + 11}"
    page.click("#play")
    wait_until(page, f"{ticks} > {start + 12}")
    page.click("#step")
    assert page.inner_text("#play") == "Play", "a step pauses"


def test_speed_is_in_ticks_a_second(page: Page) -> None:
    """Over one and a half seconds; a late frame counts as far as the page catches up with it."""
    change_settings(page, speed=10)
    ticks, seconds = page.evaluate(
        """() => new Promise((done) => {
          const { app } = ca, { board } = app.session;
          let start, last, seconds = 0;
          app.setPlaying(true);
          const frame = (now) => {
            start ??= [now, board.ticks];
            seconds += Math.min((now - (last ?? now)) / 1000, 0.25);
            last = now;
            if (now - start[0] < 1500) requestAnimationFrame(frame);
            else done([board.ticks - start[1], seconds]);
          };
          requestAnimationFrame(frame);
        })"""
    )
    assert seconds > 0.5
    assert ticks == pytest.approx(10 * seconds, abs=3)


@pytest.mark.parametrize("hertz", [24, 60, 144])
def test_speed_is_the_same_on_every_screen(page: Page, hertz: int) -> None:
    change_settings(page, speed=30)
    ticks = page.evaluate(
        """(hertz) => {
          const { session } = ca.app, { ticks } = session.board;
          session.step(0); // no ticks are due from before
          for (let frame = 0; frame < 2 * hertz; frame++) session.run(1 / hertz, Infinity, () => 0);
          return session.board.ticks - ticks;
        }""",
        hertz,
    )
    assert ticks == pytest.approx(60, abs=1)


def test_board_out_of_sight_is_paused(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 300})
    page.evaluate("ca.app.setPlaying(true)")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    wait_until(page, "!ca.app.visible")
    start = page.evaluate("ca.app.session.board.ticks")
    let_frames_pass(page, 500)
    assert page.evaluate("ca.app.session.board.ticks") == start
    page.evaluate("window.scrollTo(0, 0)")
    wait_until(page, f"ca.app.session.board.ticks > {start}")


def test_edits_wait_for_the_tick_to_be_done(page: Page) -> None:
    levels = page.evaluate(
        """() => {
          const { session } = ca.app, level = () => session.board.ink[0];
          session.begin();
          session.edit((board) => board.setInk(0, 200));
          const during = level();
          session.finish();
          return [during, level()];
        }"""
    )
    assert levels == [0, 200]


def test_clear_and_forget(page: Page) -> None:
    page.evaluate("ca.app.session.step(10)")
    ink = ink_of(page)
    page.click("#forget")
    assert (ink_of(page) == ink).all()
    assert (cells_of(page)[1:] == 0).all()
    page.click("#clear")
    assert not ink_of(page).any()
    next_frame(page)
    assert page.inner_text("#verdict") == "nothing drawn yet"


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


def test_settled_after_twenty_unanimous_ticks(page: Page) -> None:
    page.evaluate("ca.app.choose(ca.app.samples.sample(1), true)")
    for _ in range(300):
        page.evaluate("ca.app.session.step(1)")
        unanimous = len(set(classes_of(cells_of(page)).flatten()) - {-1}) == 1
        settled_for = page.evaluate("ca.app.session.consensus.settledFor")
        assert (settled_for > 0) == unanimous
        next_frame(page)
        assert page.inner_text("#settled").startswith("settled") == (settled_for >= 20)
        if settled_for >= 20:
            break
    else:
        pytest.fail("the cells of a one never agree for twenty ticks")
    page.evaluate("ca.app.session.edit((board) => board.setInk(0, 255))")
    next_frame(page)
    assert not page.inner_text("#settled").startswith("settled")
