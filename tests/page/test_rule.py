"""The page's cells against the dense rule in PyTorch: same ink, fire masks and noise, same states.

PyTorch computes in float64: on random ink the cells never come to rest, and what float32 rounds off grows
to 2e-4 in 200 ticks there.
"""

import base64
import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from safetensors.torch import save
from support.browser import closed, opened, to_text
from support.helpers import random_automaton, seeded
from torch import Tensor

from ca.cells import alive, newborn
from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import load_digits
from ca.model import CellularAutomaton
from ca.page.draws import page_draws

REPLAY = """({ weights, ink, side, fired, noise }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const network = new ca.Network(ca.readSafetensors(bytes(weights).buffer));
  const board = new ca.Board(side);
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


@pytest.fixture(scope="module")
def idle_page(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page once for tests that leave its board alone."""
    page = opened(browser, address)
    page.evaluate("ca.app.setPlaying(false)")
    yield page
    closed(page)


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
    grid = newborn(ink[None].float() / 255).double()
    living = alive(grid[:, 0])[0].flatten()
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


@pytest.mark.parametrize("ticks", [1, 20, 200])
@pytest.mark.parametrize("ink", [digit_on_a_board, ink_around_the_threshold])
def test_trained_rule(idle_page: Page, ink, ticks: int) -> None:
    automaton = load_checkpoint(None).automaton
    assert compare(idle_page, automaton, ink(), ticks, weights=save(automaton.state_dict())) < 1e-4


@pytest.mark.parametrize("ticks", [1, 20])
def test_random_rule(idle_page: Page, ticks: int) -> None:
    automaton = random_automaton(dtype=torch.float32)
    weights = save(automaton.state_dict())
    assert compare(idle_page, automaton, ink_around_the_threshold(), ticks, weights=weights) < 1e-4


@pytest.mark.parametrize("name", [name for name, _ in CellularAutomaton().named_parameters()])
def test_one_weight_that_differs_is_seen(idle_page: Page, name: str) -> None:
    automaton, other = (random_automaton(dtype=torch.float32) for _ in range(2))
    with torch.no_grad():
        other.get_parameter(name).view(-1)[-1] += 0.1
    assert compare(idle_page, automaton, digit_on_a_board(), 20, weights=save(other.state_dict())) > 1e-4


def test_page_draws_the_same_chance_as_python(idle_page: Page) -> None:
    side, seed, tick = 56, 4_000_000_000, 123
    fired, noise = page_draws(side, seed=seed, tick=tick, fire_rate=0.3, noise=0.05)
    drawn = idle_page.evaluate(
        """([side, seed, tick]) => {
          const all = Int32Array.from({ length: side * side }, (_, cell) => cell);
          const { fired, noise } = ca.randomDraws(all, seed, tick, 0.3, 0.05);
          return { fired: [...fired], noise: [...noise] };
        }""",
        [side, seed, tick],
    )
    cells = fired.flatten().nonzero()[:, 0]
    assert drawn["fired"] == cells.tolist()
    expected = noise[0].flatten(1)[:, cells].T.flatten()
    assert torch.allclose(torch.tensor(drawn["noise"]), expected, atol=1e-6)


def test_chance_is_as_random_as_it_should_be() -> None:
    rates, values = [], []
    for tick in range(60):
        fired, noise = page_draws(56, seed=tick % 3, tick=tick, fire_rate=0.5, noise=0.02)
        rates.append(fired.double().mean().item())
        values.append(noise)
    assert np.mean(rates) == pytest.approx(0.5, abs=0.005)
    assert np.std(rates) == pytest.approx(0.5 / 56, rel=0.3), "as of independent cells"
    normal = torch.stack(values).double() / 0.02
    assert normal.mean().item() == pytest.approx(0, abs=0.003)
    assert normal.std().item() == pytest.approx(1, abs=0.003)
    assert (normal.abs() > 1.96).double().mean().item() == pytest.approx(0.05, abs=0.001)
    flat = normal.flatten(2)
    for shift in (1, 2, 57):
        neighbours = (flat[..., shift:] * flat[..., :-shift]).mean().item()
        assert neighbours == pytest.approx(0, abs=0.003)
    channels = torch.corrcoef(normal.transpose(0, 2).flatten(1))
    assert (channels - torch.eye(19)).abs().max() < 0.015
    ticks = torch.corrcoef(normal.flatten(1))
    assert (ticks - torch.eye(60)).abs().max() < 0.03


def test_stored_rollout_proves_the_rule_in_the_page(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.click("#check")
    assert "The same rule" in page.inner_text("#check-result")
    assert "after 200 ticks" in page.inner_text("#check-result")
    assert page.evaluate("ca.app.check()") < 1e-4


def test_stored_rollout_is_pytorch_s_and_a_changed_weight_fails_it(page: Page) -> None:
    difference = page.evaluate(
        """() => {
          const network = ca.app.session.network;
          network.layers[1].weights[7] += 0.05;
          return ca.app.check();
        }"""
    )
    assert difference > 1e-4
    assert "NOT the same rule" in page.evaluate("document.getElementById('check-result').textContent")
