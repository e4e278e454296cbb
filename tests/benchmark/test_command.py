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
from ca.benchmark.limit import LimitMeter
from ca.benchmark.process import _run
from ca.benchmark.work import dense_training_step, training_flop
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


def test_needed_operations_of_a_step() -> None:
    """Two for each multiplication of the forward pass and of the two products of the backward pass of each
    layer, but for the gradient of the first state.
    """
    fired, ticks = 2190 * 0.5, 20
    multiplications = 9 * 19 * 80 + 80 * 80 + 80 * 19
    expected = 2 * fired * (3 * ticks * multiplications - 9 * 19 * 80)
    assert training_flop(ARTICLE, fired, ticks) == pytest.approx(expected)


def test_no_product_is_faster_than_multiply_adds_in_registers() -> None:
    """Their speed is the limit of the machine: products of matrices that fit the cache come close to it."""
    meter = LimitMeter(torch.device("cpu"), ARTICLE)
    if meter.limits().limit_is == "torch.mm":
        pytest.skip("no compiled kernel")
    for _ in range(5):
        meter.measure()
    fastest = max(meter._in_product(256, 256, 256) for _ in range(5)) / 1e9
    assert 0.2 < fastest / meter.limits().limit_gflop_per_second < 1.05


def test_limit_without_a_compiler_is_that_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.benchmark.limit.library", lambda architecture: None)
    monkeypatch.setattr("ca.benchmark.limit.SHAPES", ((32, 32, 32), (64, 64, 64)))
    monkeypatch.setattr("ca.benchmark.limit.BYTES", 2**22)
    meter = LimitMeter(torch.device("cpu"), ARTICLE)
    meter.measure()
    limits = meter.limits()
    assert limits.limit_is == "torch.mm"
    assert limits.limit_bfloat16_gflop_per_second is None
    assert 1 < limits.limit_gflop_per_second < 100_000
    assert 0.1 < limits.memory_gb_per_second < 10_000


@pytest.fixture
def few_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.benchmark.cost.DIGITS", (1, 2))
    monkeypatch.setattr("ca.benchmark.cost.SIDES", (112, 140))
    monkeypatch.setattr("ca.benchmark.speed.MEASURED_DIGITS", 4)
    monkeypatch.setattr("ca.benchmark.work.MEASURED_TICKS", 2)
    monkeypatch.setattr("ca.benchmark.limit.BYTES", 2**22)


def test_json_for_machines(few_costs: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = BenchmarkSettings(
        repeats=1, batch_size=4, ticks=2, json=True, processes=False, output_dir=tmp_path
    )
    benchmark(settings)
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "benchmark.json").read_text())
    step = found["gflop_per_step"]
    for name in ("kernel", "adam", "soap", "dense", "measuring"):
        assert 0 < found[name]["share_of_limit"] < 1
    for name in ("adam", "soap", "dense"):
        gflops = step / found[name]["seconds"]
        assert found[name]["share_of_limit"] == pytest.approx(gflops / found["limit_gflop_per_second"])
    assert found["ratio_to_dense"] == pytest.approx(found["dense"]["seconds"] / found["adam"]["seconds"])
    assert found["measuring"]["share_of_limit"] == pytest.approx(
        found["protocol_limit_seconds"] / found["protocol_seconds"]
    )
    test = load_digits("mnist", "test").liveness
    alive = [int((test[:count] > 0.1).sum()) for count in (1, 2)]
    assert [int(cells) for cells in found["milliseconds_per_tick_by_alive_cells"]] == alive
    assert [int(cells) for cells in found["milliseconds_per_tick_by_board_area"]] == [112**2, 140**2]
    for name in ("cost.png", "roofline.png"):
        with Image.open(tmp_path / name) as figure:
            assert figure.size[0] > 1000

    benchmark(replace(settings, json=False))
    table = capsys.readouterr().out
    assert "steps/min" in table
    assert "step with Adam : dense rule" in table


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
