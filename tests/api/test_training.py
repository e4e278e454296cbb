"""Training and measuring through the public functions."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.helpers import random_automaton
from support.small_run import small, train_quickly
from torch import Tensor

import ca
import ca.api
from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import Digits
from ca.engine.kernel.threads import num_threads
from ca.report.command import report
from ca.settings.commands import ReportSettings
from ca.train.command import train

MNIST = ca.load_digits()


@pytest.fixture(scope="module")
def bundled() -> ca.CellularAutomaton:
    return ca.CellularAutomaton.from_pretrained()


def test_training_is_that_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_digits: Digits
) -> None:
    train_quickly(monkeypatch, few_digits)
    settings = small(tmp_path, steps=6, recipe="quick", held_out=0, seed=3)
    train(settings)
    seen: list[tuple[int, float]] = []
    automaton = ca.train_automaton(
        steps=6,
        digits=few_digits,
        recipe="quick",
        batch_size=settings.batch_size,
        pool_size=settings.pool_size,
        ticks=settings.ticks,
        seed=3,
        progress=False,
        callback=lambda step, loss, automaton: seen.append((step, loss)),
    )
    expected = load_checkpoint(tmp_path / "model-steps-6").automaton.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in automaton.state_dict().items())
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert all(loss > 0 for _, loss in seen)


TINY: dict[str, Any] = {"batch_size": 4, "pool_size": 8, "ticks": (2, 4), "recipe": "article"}


def test_an_automaton_is_trained_in_place_from_its_weights(few_digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    before = [parameter.clone() for parameter in automaton.parameters()]
    trained = ca.train_automaton(automaton, steps=2, digits=few_digits, progress=False, **TINY)
    assert trained is automaton
    for old, new in zip(before, automaton.parameters(), strict=True):
        assert not torch.equal(old, new)
        assert (old - new).abs().max() < 0.01


def test_the_progress_bar_can_be_switched_off(
    few_digits: Digits, bundled: ca.CellularAutomaton, capfd: pytest.CaptureFixture[str]
) -> None:
    ca.train_automaton(steps=2, digits=few_digits, **TINY)
    assert "2/2" in capfd.readouterr().err
    ca.measure_automaton(bundled, few_digits, ticks=1)
    assert "64/64" in capfd.readouterr().err
    ca.train_automaton(steps=2, digits=few_digits, progress=False, **TINY)
    ca.measure_automaton(bundled, few_digits, ticks=1, progress=False)
    assert capfd.readouterr().err == ""


def test_measurements_are_those_of_the_report(
    tmp_path: Path, bundled: ca.CellularAutomaton, capsys: pytest.CaptureFixture[str]
) -> None:
    report(ReportSettings(n_digits=12, n_steps_per_stage=9, output_dir=tmp_path, device="cpu", seed=2))
    (path,) = tmp_path.glob("*.json")
    curves = ca.measure_automaton(bundled, MNIST[:12], ticks=9, stages=2, seed=2, progress=False).curves()
    assert json.loads(path.read_text())["curves"] == curves


def test_threads_of_the_caller_stay(
    few_digits: Digits, bundled: ca.CellularAutomaton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.engine.kernel.threads._taken", None)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ca.train_automaton(steps=1, digits=few_digits, progress=False, **TINY)
        ca.measure_automaton(bundled, few_digits, ticks=1, progress=False)
        ca.classify(bundled, few_digits.images, ticks=1)
        next(ca.roll_out(bundled, few_digits.images, ticks=1))
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert num_threads() == 1, "the kernel follows the caller's later choice"
    finally:
        torch.set_num_threads(threads)


class NoTick(ca.CellularAutomaton):
    """An automaton whose rule changes no state."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        return grid + 0 * self.residual.bias.sum()


def test_a_subclass_computes_its_own_rule(few_digits: Digits) -> None:
    automaton = NoTick()
    for parameter in automaton.parameters():
        torch.nn.init.normal_(parameter)
    before = [parameter.clone() for parameter in automaton.parameters()]
    assert not ca.classify(automaton, few_digits.images[:2], ticks=3).grid[:, 1:].any()
    assert not any(grid[:, 1:].any() for grid in ca.roll_out(automaton, few_digits.images[:2], ticks=3))
    measured = ca.measure_automaton(automaton, few_digits[:4], ticks=3, progress=False)
    assert measured.curves()["mean_abs_state"] == [0, 0, 0]
    ca.train_automaton(automaton, steps=2, digits=few_digits, progress=False, **TINY)
    assert all(torch.equal(old, new) for old, new in zip(before, automaton.parameters(), strict=True))


QUICK: dict[str, Any] = {"recipe": "quick"}


class Scaled(ca.CellularAutomaton):
    """An automaton with parameters that are neither weight matrices nor biases."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(1.0))
        self.mix = torch.nn.Parameter(torch.randn(19, 19, 1, 1) / 10)

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        updates = (fired & (grid[:, 0] > 0.1)).unsqueeze(1)
        state = grid[:, 1:] + updates * torch.nn.functional.conv2d(grid[:, 1:], self.mix)
        ticked = super().tick(torch.cat([grid[:, :1], state], 1), fired, noise)
        return torch.cat([grid[:, :1], self.gain * ticked[:, 1:]], 1)


def test_all_parameters_of_a_subclass_are_trained(few_digits: Digits) -> None:
    automaton = Scaled()
    before = {name: parameter.clone() for name, parameter in automaton.named_parameters()}
    ca.train_automaton(automaton, steps=4, digits=few_digits, progress=False, **(TINY | QUICK))
    unchanged = [name for name, parameter in automaton.named_parameters() if parameter.equal(before[name])]
    assert unchanged == []


def test_settings_out_of_range_are_refused(bundled: ca.CellularAutomaton) -> None:
    digits = MNIST[:2]

    def measured(digits: Digits, **settings: Any) -> None:
        ca.measure_automaton(bundled, digits, progress=False, **settings)

    def trained(steps: int = 1, **settings: Any) -> None:
        ca.train_automaton(steps=steps, progress=False, **settings)

    for use, message in (
        (lambda: measured(digits, ticks=0), "^ticks must be at least 1, not 0$"),
        (lambda: measured(digits, stages=0), "^stages must be at least 1, not 0$"),
        (lambda: measured(digits[:0]), "^the number of digits must be at least 1, not 0$"),
        (lambda: measured(digits[:1], stages=2), "^the number of digits must be at least 2, not 1$"),
        (lambda: trained(steps=0), "^steps must be at least 1, not 0$"),
        (lambda: trained(digits=digits[:0]), "^the number of digits must be at least 1, not 0$"),
        (lambda: trained(batch_size=6), "^batch_size must be a multiple of 4, not 6$"),
        (lambda: trained(pool_size=8), "^pool_size 8 is too small for batch_size 16$"),
        (lambda: trained(ticks=(3, 2)), "^ticks must be two or four numbers"),
        (lambda: trained(regime="mutate"), "^regime is 'mutate': choose one of naive, persistent, mutating$"),
        (lambda: trained(recipe="slow"), "^recipe is 'slow': choose one of best, quick, article, drawn$"),
        (lambda: trained(loss="L2"), "^loss is 'L2': choose one of l2, cross-entropy$"),
    ):
        with pytest.raises(ValueError, match=message):
            use()
