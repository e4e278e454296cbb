"""Time in the page: firing, seeds, pause, steps and speed."""

import time

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from support.browser import cells_of, next_frame, wait_until

from ca.cells import newborn
from ca.checkpoint.folder import load_checkpoint


def settings(page: Page, **changes: float) -> None:
    page.evaluate("(changes) => Object.assign(ca.app.session.settings, changes)", changes)


def test_nothing_changes_at_rate_zero(page: Page) -> None:
    page.evaluate("ca.app.session.step(5)")
    before = cells_of(page)
    settings(page, fireRate=0)
    page.evaluate("ca.app.session.step(5)")
    assert (cells_of(page) == before).all()


def test_all_cells_fire_at_rate_one(page: Page) -> None:
    page.evaluate("ca.app.session.forget()")
    start = cells_of(page)
    settings(page, fireRate=1, noise=0)
    page.evaluate("ca.app.session.step(20)")
    grid = newborn(torch.from_numpy(start[:1].copy()))
    everyone, silence = torch.ones(1, 56, 56, dtype=torch.bool), torch.zeros(1, 19, 56, 56)
    automaton = load_checkpoint(None).automaton
    with torch.no_grad():
        for _ in range(20):
            grid = automaton.tick(grid, everyone, silence)
    assert np.abs(cells_of(page) - grid[0].numpy()).max() < 1e-4


def test_half_of_the_alive_cells_change_in_a_tick(page: Page) -> None:
    settings(page, fireRate=0.5, noise=0.02)
    shares = page.evaluate(
        """() => {
          const { session } = ca.app, { board } = session, alive = board.aliveCells();
          return Array.from({ length: 200 }, () => {
            const before = [...alive].map((cell) => board.channels(cell)[5]);
            session.step(1);
            const changed = [...alive].filter((cell, row) => board.channels(cell)[5] !== before[row]);
            return changed.length / alive.length;
          });
        }"""
    )
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)


def test_the_same_seed_gives_the_same_states(page: Page) -> None:
    found = []
    for seed in (3, 3, 4):
        settings(page, seed=seed)
        page.evaluate("ca.app.session.forget(); ca.app.session.step(10)")
        found.append(cells_of(page))
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_a_tick_in_pieces_is_the_same_tick(page: Page) -> None:
    states = []
    for pieces in (False, True):
        page.evaluate("ca.app.session.forget()")
        page.evaluate(
            """(pieces) => {
              const { session } = ca.app;
              for (let tick = 0; tick < 5; tick++) {
                session.begin();
                if (pieces) while (!session.board.work(session.network, 10)); else session.finish();
              }
            }""",
            pieces,
        )
        states.append(cells_of(page))
    assert (states[0] == states[1]).all()


def test_pause_holds_everything_and_steps_count(page: Page) -> None:
    ticks = "ca.app.session.board.ticks"
    start, cells = page.evaluate(ticks), cells_of(page)
    time.sleep(1)
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
    """Over three seconds, of which a late frame counts as far as the page makes up for it."""
    settings(page, speed=10)
    ticks, seconds = page.evaluate(
        """() => new Promise((done) => {
          const { app } = ca, { board } = app.session;
          let start, last, seconds = 0;
          app.setPlaying(true);
          const frame = (now) => {
            start ??= [now, board.ticks];
            seconds += Math.min((now - (last ?? now)) / 1000, 0.25);
            last = now;
            if (now - start[0] < 3000) requestAnimationFrame(frame);
            else done([board.ticks - start[1], seconds]);
          };
          requestAnimationFrame(frame);
        })"""
    )
    assert seconds > 0.5
    assert ticks == pytest.approx(10 * seconds, abs=3)


@pytest.mark.parametrize("hertz", [24, 60, 144])
def test_speed_is_the_same_on_every_screen(page: Page, hertz: int) -> None:
    settings(page, speed=30)
    ticks = page.evaluate(
        """(hertz) => {
          const { session } = ca.app, { ticks } = session.board;
          for (let frame = 0; frame < 2 * hertz; frame++) session.run(1 / hertz, Infinity, () => 0);
          return session.board.ticks - ticks;
        }""",
        hertz,
    )
    assert ticks == pytest.approx(60, abs=1)


def test_no_time_passes_out_of_sight(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 300})
    page.evaluate("ca.app.setPlaying(true)")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    wait_until(page, "!ca.app.visible")
    start = page.evaluate("ca.app.session.board.ticks")
    page.wait_for_timeout(500)
    assert page.evaluate("ca.app.session.board.ticks") == start
    page.evaluate("window.scrollTo(0, 0)")
    wait_until(page, f"ca.app.session.board.ticks > {start}")


@pytest.mark.parametrize(("side", "floor"), [(56, 40), (140, 10)])
def test_ticks_a_second_are_over_the_floor(page: Page, side: int, floor: int) -> None:
    """15 % of the board alive; the median of five runs, in seconds of the processor's time."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def seconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")

    page.evaluate(
        """(side) => {
          const { network } = ca.app.session, board = new ca.Board(side);
          for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
            if ((x * 7 + y * 13) % 40 < 6) board.setInk(y * side + x, 255);
          }
          globalThis.run = (ticks) => {
            for (; ticks > 0; ticks--) {
              board.tick(network, ca.randomDraws(board.aliveCells(), 0, board.ticks, 0.5, 0.02));
            }
          };
          run(10);
        }""",
        side,
    )
    rates = []
    for _ in range(5):
        start = seconds()
        page.evaluate("run(10)")
        rates.append(10 / (seconds() - start))
    print(f"{side} x {side}: {np.median(rates):.0f} ticks/s")
    assert np.median(rates) > floor
