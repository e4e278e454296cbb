"""Measuring on a device that has no float64."""

import pytest
import torch
from support.float32_device import Float32Device
from support.helpers import random_automaton, seeded

from ca.data.digits import Digits
from ca.protocol import measure

CPU = torch.device("cpu")


def test_the_device_refuses_float64() -> None:
    with Float32Device():
        numbers = torch.ones(3, device=CPU)
        with pytest.raises(TypeError, match="float64"):
            numbers.double()
        with pytest.raises(TypeError, match="float64"):
            numbers.to(torch.float64)
        assert numbers.cpu().double().dtype == torch.float64
        assert torch.zeros(3, dtype=torch.float64).dtype == torch.float64


def test_measuring_needs_no_float64_on_the_device(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the engine in PyTorch, as on every device but the CPU."""
    monkeypatch.setattr("ca.engine.rollout.library", lambda: None)
    monkeypatch.setattr("ca.engine.choice.serves", lambda *_: False)
    automaton, digits = random_automaton(dtype=torch.float32), few_digits[:3]
    expected = measure(automaton, digits, stages=2, ticks=3, generator=seeded(0))
    with Float32Device():
        measured = measure(automaton, digits, stages=2, ticks=3, generator=seeded(0))
        curves = measured.curves()
    assert curves == expected.curves()
