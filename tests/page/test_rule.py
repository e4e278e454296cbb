"""The page's rule in NumPy, and the refusal of automata with another rule."""

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from support.helpers import random_automaton, saved_automaton, seeded
from support.sizes import ARTICLE
from torch import Tensor, nn

from ca.architecture import Architecture
from ca.cells import newborn
from ca.checkpoint.folder import Checkpoint, load_checkpoint
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.model import CellularAutomaton
from ca.page.build import build_page
from ca.page.rule import page_tick
from ca.system.errors import FailedError

TEST_DIGITS = load_digits("mnist", "test")


def with_automaton(automaton: CellularAutomaton) -> Checkpoint:
    bundled = load_checkpoint(None)
    with torch.no_grad():
        for name, parameter in bundled.automaton.named_parameters():
            if name in automaton.state_dict() and automaton.get_parameter(name).shape == parameter.shape:
                automaton.get_parameter(name).copy_(parameter)
    return dataclasses.replace(bundled, automaton=automaton)


def test_page_rule_is_the_model_s() -> None:
    automaton = random_automaton()
    grid = newborn(TEST_DIGITS[:1].liveness.double(), ARTICLE)
    grid[:, 1:] = torch.randn(grid[:, 1:].shape, generator=seeded(0), dtype=torch.float64)
    grid[:, 1:] *= grid[:, :1] > 0.1
    noise = torch.randn(grid[:, 1:].shape, generator=seeded(1), dtype=torch.float64)
    with torch.no_grad():
        expected = automaton.tick(grid, torch.ones(1, 28, 28, dtype=torch.bool), noise)[0]
    weights = {name: tensor.numpy() for name, tensor in automaton.state_dict().items()}
    found = page_tick(ARTICLE, weights, grid[0].numpy(), noise[0].numpy())
    assert torch.allclose(torch.from_numpy(found), expected, rtol=0, atol=1e-12)


class Smooth(CellularAutomaton):
    """Has another activation."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        liveness, state = grid[:, :1], grid[:, 1:]
        perception = F.gelu(F.conv2d(grid, self.perception_kernel(), self.perception.bias, padding=1))
        hidden = F.gelu(F.conv2d(perception, self.hidden.weight[..., None, None], self.hidden.bias))
        residual = F.conv2d(hidden, self.residual.weight[..., None, None], self.residual.bias)
        updates = (liveness > 0.1) & fired.unsqueeze(1)
        return torch.cat([liveness, state + (residual + noise) * updates], dim=1)


class Clamped(CellularAutomaton):
    """Differs only where states are large."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        return torch.cat([grid[:, :1], super().tick(grid, fired, noise)[:, 1:].clamp(-1, 1)], dim=1)


class Wider(CellularAutomaton):
    """Has a larger hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(80, 96)
        self.residual = nn.Linear(96, 19)


class Gated(CellularAutomaton):
    """Has a tensor that the page does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.ones(19))


class Same(CellularAutomaton):
    """Is written in another way, and computes the same."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        return super().tick(grid, fired, torch.zeros_like(noise)) + F.pad(
            noise * ((grid[:, :1] > 0.1) & fired.unsqueeze(1)), (0, 0, 0, 0, 1, 0)
        )


@pytest.mark.parametrize(
    ("automaton", "reason"),
    [
        (Smooth, "the page computes another rule, one tick of which differs by [0-9.]+ .*"),
        (Clamped, "the page computes another rule, one tick of which differs by [0-9.]+ .*"),
        (Wider, r"its hidden.weight is \(96, 80\), and the page reads \(80, 80\)"),
        (Gated, r"its gate is \(19,\), and the page reads no such tensor"),
    ],
)
def test_automaton_with_another_rule_is_refused(automaton: type[CellularAutomaton], reason: str) -> None:
    message = rf"^can't make a page of this {automaton.__name__}: {reason}$"
    with pytest.raises(FailedError, match=message):
        build_page(with_automaton(automaton()), TEST_DIGITS)


def test_automaton_that_never_fires_is_compared_too() -> None:
    automaton = Smooth(Architecture(fire_rate=0))
    with pytest.raises(FailedError, match="the page computes another rule"):
        build_page(with_automaton(automaton), TEST_DIGITS)


def test_edited_tick_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CellularAutomaton, "tick", Smooth.tick)
    with pytest.raises(FailedError, match="can't make a page of this CellularAutomaton: the page computes"):
        build_page(load_checkpoint(None), TEST_DIGITS)


def test_same_rule_in_other_words_is_accepted() -> None:
    assert "Cells that read digits" in build_page(with_automaton(Same()), TEST_DIGITS)


def test_automaton_whose_states_explode_is_accepted(tmp_path: Path) -> None:
    automaton = random_automaton(dtype=torch.float32)
    with torch.no_grad():
        automaton.residual.weight *= 1e4
    path = saved_automaton(tmp_path, automaton)
    digits = Digits(TEST_DIGITS.images[:100], TEST_DIGITS.labels[:100])
    assert "Cells that read digits" in build_page(load_checkpoint(path), digits)
