"""The page's random draws: the same in Python and JavaScript, and random."""

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from ca.page.draws import page_draws


def test_page_and_python_draw_the_same_numbers(page: Page) -> None:
    side, seed, tick = 56, 4_000_000_000, 123
    fired, noise = page_draws(side, 19, seed=seed, tick=tick, fire_rate=0.3, noise=0.05)
    drawn = page.evaluate(
        """([side, seed, tick]) => {
          const all = Int32Array.from({ length: side * side }, (_, cell) => cell);
          const { sizes } = ca.app.session.network;
          const { fired, noise } = ca.randomDraws(all, { seed, tick, fireRate: 0.3, noise: 0.05 }, sizes);
          return { fired: [...fired], noise: [...noise] };
        }""",
        [side, seed, tick],
    )
    cells = fired.flatten().nonzero()[:, 0]
    assert drawn["fired"] == cells.tolist()
    expected = noise[0].flatten(1)[:, cells].T.flatten()
    assert torch.allclose(torch.tensor(drawn["noise"]), expected, atol=1e-6)


def test_draws_are_uniform_normal_and_independent() -> None:
    rates, values = [], []
    for tick in range(60):
        fired, noise = page_draws(56, 19, seed=tick % 3, tick=tick, fire_rate=0.5, noise=0.02)
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
