"""`ca benchmark`: the compared training steps are equivalent, and what is printed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.sizes import ARTICLE

from ca.benchmark import process
from ca.benchmark.command import benchmark
from ca.benchmark.process import _run
from ca.benchmark.speed import dense_training_step
from ca.data.load import load_digits
from ca.settings.commands import BenchmarkSettings
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError
from ca.train.run import TrainingRun
from ca.train.step import training_step


def test_dense_and_engine_steps_learn_the_same() -> None:
    """Without random draws (all cells fire, no noise) both must arrive at the same weights."""
    settings = TrainSettings(recipe="article", batch_size=4, pool_size=8, ticks=(2, 2), noise_level=0.0)
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
    assert pytest.approx(2.84e9, rel=0.01) == 3 * 2 * ARTICLE.multiplications * 2190 * 0.5 * 20


@pytest.fixture
def few_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.benchmark.cost.DIGITS", (1, 2))
    monkeypatch.setattr("ca.benchmark.cost.SIDES", (112, 140))
    monkeypatch.setattr("ca.benchmark.speed.MEASURED_DIGITS", 4)
    monkeypatch.setattr("ca.benchmark.speed.MEASURED_TICKS", 2)


def test_json_for_machines(few_costs: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = BenchmarkSettings(
        repeats=1, batch_size=4, ticks=2, json=True, processes=False, output_dir=tmp_path
    )
    benchmark(settings)
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "benchmark.json").read_text())
    assert found["ratio_to_dense"] == pytest.approx(
        found["engine_steps_per_minute"] / found["dense_steps_per_minute"]
    )
    assert found["share_of_floor"] == pytest.approx(
        found["engine_steps_per_minute"] / found["floor_steps_per_minute"]
    )
    assert found["protocol_share_of_floor"] == pytest.approx(
        found["protocol_floor_seconds"] / found["protocol_seconds"]
    )
    assert min(value for key, value in found.items() if key.endswith(("per_minute", "seconds"))) > 0
    test = load_digits("mnist", "test").liveness
    alive = [int((test[:count] > 0.1).sum()) for count in (1, 2)]
    assert [int(cells) for cells in found["milliseconds_per_tick_by_alive_cells"]] == alive
    assert [int(cells) for cells in found["milliseconds_per_tick_by_board_area"]] == [112**2, 140**2]
    with Image.open(tmp_path / "cost.png") as figure:
        assert figure.size[0] > 1000

    benchmark(replace(settings, json=False))
    table = capsys.readouterr().out
    assert "steps/min" in table
    assert "engine : dense rule" in table


def test_memory_and_time_are_those_of_the_process() -> None:
    seconds, peak = _run(["-c", "import time; block = b'x' * 200_000_000; time.sleep(0.5)"])
    _, less = _run(["-c", "pass"])
    assert 0.5 < seconds < 30
    assert 195 < peak - less < 230


def test_memory_and_time_are_measured_without_the_resource_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which does not have it."""
    pytest.importorskip("psutil")
    without = "import sys, psutil; sys.modules['resource'] = None"
    monkeypatch.setattr(process, "LAUNCHER", without + process.LAUNCHER)
    seconds, peak = _run(["-c", "import time; block = b'x' * 200_000_000; time.sleep(0.5)"])
    assert 0.5 < seconds < 30
    assert 195 < peak < 300
    with pytest.raises(FailedError, match=r"failed: .*no such luck"):
        _run(["-c", "raise SystemExit('no such luck')"])


def test_failed_process_is_reported_with_its_last_line() -> None:
    with pytest.raises(FailedError, match=r"failed: .*no such luck"):
        _run(["-c", "raise SystemExit('no such luck')"])
