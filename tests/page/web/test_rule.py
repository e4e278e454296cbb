"""The page's cells against the dense rule in PyTorch: same ink, fire masks and noise, same states.

PyTorch computes in float64: on random ink the cells never come to rest, and the rounding errors of float32
grow to 2e-4 in 200 ticks there.
"""

import base64
import copy

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from safetensors.torch import save
from support.browser import cells_of, change_settings, open_details, show, to_text
from support.helpers import random_automaton, seeded
from support.sizes import ARTICLE
from torch import Tensor

from ca.cells import alive, newborn
from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.model import CellularAutomaton

REPLAY = """({ weights, ink, side, fired, noise }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const { sizes } = ca.app.session.network;
  const network = new ca.Network(ca.readSafetensors(bytes(weights).buffer, sizes), sizes);
  const board = new ca.Board(side, sizes);
  bytes(ink).forEach((level, cell) => board.setInk(cell, level));
  const all = new Float32Array(bytes(noise).buffer);
  let at = 0;
  for (const cells of fired) {
    const end = at + cells.length * 19;
    board.tick(network, { fired: Int32Array.from(cells), noise: all.subarray(at, end) });
    at = end;
  }
  const cells = new Float32Array(side * side * 20);
  for (let cell = 0; cell < side * side; cell++) cells.set(board.channels(cell), cell * 20);
  let text = "";
  for (const byte of new Uint8Array(cells.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def digit_on_a_board() -> Tensor:
    """A test digit of 28 x 28 at the upper left corner, shifted so that its ink touches the rim."""
    image = load_digits("mnist", "test").images[3]
    return torch.roll(image, (-4, -5), (0, 1))


def ink_around_the_threshold() -> Tensor:
    """Random levels; many are 25 and 26, below and above the threshold of alive cells."""
    levels = torch.tensor([0, 25, 26, 255], dtype=torch.uint8)
    return levels[torch.randint(4, (28, 28), generator=seeded(2))]


def compare(page: Page, automaton: CellularAutomaton, ink: Tensor, ticks: int, *, weights: bytes) -> float:
    """Roll out here and in the page; the largest difference of any channel relative to max(1, |value|)."""
    side = len(ink)
    exact = copy.deepcopy(automaton).double()
    grid = newborn(ink[None].float() / 255, ARTICLE).double()
    living = alive(grid[:, 0], ARTICLE)[0].flatten()
    fired, noise = [], []
    with torch.no_grad():
        for tick in range(ticks):
            mask = torch.rand(1, side, side, generator=seeded(tick)) < 0.5
            normal = 0.02 * torch.randn(1, 19, side, side, generator=seeded(1000 + tick))
            grid = exact.tick(grid, mask, normal.double())
            cells = (mask.flatten() & living).nonzero()[:, 0]
            fired.append(cells.tolist())
            noise.append(normal[0].flatten(1)[:, cells].T.contiguous().numpy())
    text = page.evaluate(
        REPLAY,
        {
            "weights": base64.b64encode(weights).decode(),
            "ink": to_text(ink.numpy()),
            "side": side,
            "fired": fired,
            "noise": to_text(np.concatenate(noise)),
        },
    )
    seen = np.frombuffer(base64.b64decode(text), "<f4").reshape(side, side, 20)
    expected = grid[0].permute(1, 2, 0).numpy()
    assert (seen[..., 0] == expected[..., 0]).all(), "liveness never changes, to the bit"
    assert (seen[~living.view(side, side).numpy()][:, 1:] == 0).all()
    assert np.abs(seen[..., 1:]).max() > 0.1, "something happened"
    return float((np.abs(seen - expected) / np.maximum(1, np.abs(expected))).max())


def test_trained_rule(page: Page) -> None:
    automaton = load_checkpoint(None).automaton
    weights = save(automaton.state_dict())
    for ink in (digit_on_a_board(), ink_around_the_threshold()):
        for ticks in (1, 200):
            assert compare(page, automaton, ink, ticks, weights=weights) < 1e-4


def test_random_rule(page: Page) -> None:
    automaton = random_automaton(dtype=torch.float32)
    weights = save(automaton.state_dict())
    for ticks in (1, 20):
        assert compare(page, automaton, ink_around_the_threshold(), ticks, weights=weights) < 1e-4


def test_one_changed_weight_changes_the_states(page: Page) -> None:
    automaton = random_automaton(dtype=torch.float32)
    for name, _ in automaton.named_parameters():
        other = random_automaton(dtype=torch.float32)
        with torch.no_grad():
            other.get_parameter(name).view(-1)[-1] += 0.1
        difference = compare(page, automaton, digit_on_a_board(), 20, weights=save(other.state_dict()))
        assert difference > 1e-4, name


def test_page_passes_the_check_against_pytorch(each_page: Page) -> None:
    page = each_page
    open_details(page)
    page.click("#check")
    assert "The same rule" in page.inner_text("#check-result")
    assert "after 200 ticks" in page.inner_text("#check-result")
    assert page.evaluate("ca.app.check()") < 1e-4


def test_changed_weight_fails_the_check_against_pytorch(page: Page) -> None:
    difference = page.evaluate(
        """() => {
          const network = ca.app.session.network;
          network.layers[1].weights[7] += 0.05;
          return ca.app.check();
        }"""
    )
    assert difference > 1e-4
    assert "NOT the same rule" in page.evaluate("document.getElementById('check-result').textContent")


def test_nothing_changes_at_rate_zero(page: Page) -> None:
    page.evaluate("ca.app.session.step(5)")
    before = cells_of(page)
    change_settings(page, fireRate=0)
    page.evaluate("ca.app.session.step(5)")
    assert (cells_of(page) == before).all()


def test_all_cells_fire_at_rate_one(page: Page) -> None:
    page.evaluate("ca.app.session.forget()")
    start = cells_of(page)
    change_settings(page, fireRate=1, noise=0)
    page.evaluate("ca.app.session.step(20)")
    grid = newborn(torch.from_numpy(start[:1].copy()), ARTICLE)
    everyone, silence = torch.ones(1, 56, 56, dtype=torch.bool), torch.zeros(1, 19, 56, 56)
    automaton = load_checkpoint(None).automaton
    with torch.no_grad():
        for _ in range(20):
            grid = automaton.tick(grid, everyone, silence)
    assert np.abs(cells_of(page) - grid[0].numpy()).max() < 1e-4


def test_half_of_the_alive_cells_change_in_a_tick(page: Page) -> None:
    change_settings(page, fireRate=0.5, noise=0.02)
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
        change_settings(page, seed=seed)
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


def test_last_update_is_the_mean_absolute_residual(page: Page) -> None:
    page.evaluate("Object.assign(ca.app.session.settings, { noise: 0, fireRate: 1 })")
    show(page, 5, 3)
    before = cells_of(page)
    page.evaluate("ca.app.session.step(1)")
    change = np.abs(cells_of(page)[1:] - before[1:]).mean(0)
    sizes = np.array(page.evaluate("[...ca.app.session.board.lastUpdate]")).reshape(56, 56)
    np.testing.assert_allclose(sizes, change, atol=1e-5)


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
          const { network } = ca.app.session, board = new ca.Board(side, network.sizes);
          for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
            if ((x * 7 + y * 13) % 40 < 6) board.setInk(y * side + x, 255);
          }
          const settings = { seed: 0, fireRate: 0.5, noise: 0.02 };
          globalThis.run = (ticks) => {
            for (; ticks > 0; ticks--) {
              board.tick(network, ca.randomDraws(
                board.aliveCells(), { ...settings, tick: board.ticks }, network.sizes));
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
