"""`ca benchmark`: that the things it compares compute the same, and what it prints."""

import json
from dataclasses import replace

import pytest
import torch

from ca.benchmark import MULTIPLICATIONS, benchmark, dense_training_step
from ca.settings import BenchmarkSettings, TrainSettings
from ca.train import training_step
from ca.training_run import TrainingRun


def test_dense_and_engine_steps_learn_the_same() -> None:
    """Without chance (all cells fire, no noise) both must arrive at the same weights."""
    settings = TrainSettings(recipe="article", batch_size=4, pool_size=8, ticks=(2, 2), noise=False)
    runs = [TrainingRun.start(settings, torch.device("cpu")) for _ in range(2)]
    for run, step in zip(runs, (training_step, dense_training_step), strict=True):
        run.automaton.fire_rate = 1.0
        losses = [step(run).item() for _ in range(2)]
        assert losses[0] != losses[1]
    for one, other in zip(runs[0].automaton.parameters(), runs[1].automaton.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
    torch.testing.assert_close(runs[0].pool.grid, runs[1].pool.grid, rtol=0, atol=1e-3)


def test_needed_operations_are_those_of_the_design() -> None:
    """2.84 GFLOP for 2,190 alive cells of which half fire in each of 20 ticks, forward and backward."""
    assert pytest.approx(2.84e9, rel=0.01) == 3 * 2 * MULTIPLICATIONS * 2190 * 0.5 * 20


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    settings = BenchmarkSettings(repeats=1, batch_size=4, ticks=2, json=True)
    benchmark(settings)
    found = json.loads(capsys.readouterr().out)
    assert found["ratio_to_dense"] == pytest.approx(
        found["engine_steps_per_minute"] / found["dense_steps_per_minute"]
    )
    assert found["share_of_floor"] == pytest.approx(
        found["engine_steps_per_minute"] / found["floor_steps_per_minute"]
    )
    assert min(value for key, value in found.items() if key.endswith("per_minute")) > 0

    benchmark(replace(settings, json=False))
    table = capsys.readouterr().out
    assert "steps/min" in table
    assert "engine : dense rule" in table
