"""Work that can't end well is refused before anything is imported or made, with the number that says why."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ca.settings.commands import BenchmarkSettings, EvaluateSettings, ReportSettings
from ca.settings.limits import refuse_impossible
from ca.settings.recipes import RECIPES
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError

TOO_MUCH = {
    "train --batch-size 1000000 --pool-size 1000000": r"GB of memory, .* or --batch-size 1000000",
    "train --pool-size 100000000": r"needs about 18,817 GB of memory, there are \d+: lower --pool",
    "train --ticks 1 90000000": r"GB of memory, .* or --ticks 1 90000000$",
    "evaluate --n-steps-per-stage 1000000000": r"would have 2,000,000,001 frames, more than 100,000: lower",
    "evaluate --n-stages 200000": r"lower --n-stages 200000 or --n-steps-per-stage 200$",
    "evaluate --zoom-scale 10000": r"the most is 8192: lower --zoom-scale 10000 or --batch-size 100$",
    "evaluate --batch-size 1000000": r"would be 84,000 pixels wide or high, .* or --batch-size 1000000$",
    "evaluate --layout board --board-size 1000000": r"lower --zoom-scale 3 or --board-size 1000000$",
    "evaluate --format gif --n-steps-per-stage 49000 --zoom-scale 20": r"GB of memory, .* --n-st",
    "report --n-steps-per-stage 1000000000": r"GB of memory, .* lower --n-steps-per-stage 1000000000$",
    "benchmark --batch-size 1000000": r"GB of memory, .* lower --batch-size 1000000 or --ticks 20$",
}


def test_impossible_work_is_refused_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    code = """
import sys
from ca.cli import main
for line in sys.stdin.read().splitlines():
    try:
        main(line.split())
    except SystemExit as error:
        assert error.code == 2, error.code
assert not {"torch", "numpy", "PIL"} & sys.modules.keys()
"""
    command = [sys.executable, "-c", code]
    lines = "\n".join(TOO_MUCH)
    told = subprocess.run(
        command, input=lines, capture_output=True, text=True, cwd=tmp_path, check=True
    ).stderr
    assert told.count("\n") == len(TOO_MUCH)
    for line, expected in zip(told.splitlines(), TOO_MUCH.values(), strict=True):
        assert line.startswith("ca: ")
        with pytest.raises(UsageError, match=expected):
            raise UsageError(line)
    assert list(tmp_path.iterdir()) == []


def test_ordinary_work_is_not_refused() -> None:
    for recipe in RECIPES:
        refuse_impossible(TrainSettings(recipe=recipe))
    refuse_impossible(TrainSettings(pool_size=4_000, batch_size=64))
    refuse_impossible(EvaluateSettings(n_steps_per_stage=5_000, zoom_scale=20, batch_size=100))
    refuse_impossible(EvaluateSettings(format="gif"))
    refuse_impossible(ReportSettings(n_steps_per_stage=1_000))
    refuse_impossible(ReportSettings(robustness=True, n_digits=10_000, n_steps_per_stage=1_000_000))
    refuse_impossible(BenchmarkSettings(batch_size=64, ticks=50))


def test_a_rollout_that_was_killed_for_its_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured in the first step: 3,000 ticks of 128 digits took 23.7 GB, 3,000 of 16 digits 3.7 GB."""
    refuse_impossible(TrainSettings(ticks=(3_000, 3_000), batch_size=16))
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 23.7e9)
    with pytest.raises(UsageError, match=r"about 59 GB of memory, there are 24: lower"):
        refuse_impossible(TrainSettings(ticks=(3_000, 3_000), batch_size=128))


def test_boards_of_too_many_digits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured: 1,400 digits more took 192 MB more."""
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 1e9)
    refuse_impossible(ReportSettings(robustness=True, n_digits=1_500))
    with pytest.raises(UsageError, match=r"lower --n-digits 10000$"):
        refuse_impossible(ReportSettings(robustness=True, n_digits=10_000))


def test_a_run_that_grows_is_refused_before_its_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured with 400 ticks of 32 digits: 1.7 GB after one step, 2.6 GB after 60."""
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 2.6e9)
    with pytest.raises(UsageError, match="about 3 GB of memory, there are 3: lower"):
        refuse_impossible(TrainSettings(ticks=(400, 400), batch_size=32))


@pytest.mark.parametrize("large", [{"pool_size": 10_000}, {"ticks": (500, 500)}])
def test_larger_boards_need_more_memory(large: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 4e9)
    refuse_impossible(TrainSettings(**large))
    for varied in (TrainSettings(**large, augment=True), TrainSettings(**large, written_share=0.1)):
        with pytest.raises(UsageError, match=r"about \d+ GB of memory, there are 4: lower"):
            refuse_impossible(varied)


def test_cells_that_fire_more_often_need_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 4e9)
    refuse_impossible(TrainSettings(ticks=(1_000, 1_000)))
    with pytest.raises(UsageError, match=r"about 5 GB of memory, there are 4: lower"):
        refuse_impossible(TrainSettings(ticks=(1_000, 1_000), fire_rate=(0.1, 0.8)))


def test_the_limits_of_a_container_and_of_a_shell_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("ca.settings.limits.CONTAINER_LIMITS", (str(tmp_path / "absent"), str(limit)))
    large = TrainSettings(ticks=(1_000, 1_000), batch_size=64)
    limit.write_text("max\n")
    refuse_impossible(large)
    limit.write_text("2000000000\n")
    with pytest.raises(UsageError, match="about 11 GB of memory, there are 2: lower"):
        refuse_impossible(large)
    limit.unlink()
    monkeypatch.setattr("resource.getrlimit", lambda kind: (3 * 10**9, 3 * 10**9))
    with pytest.raises(UsageError, match="there are 3: lower"):
        refuse_impossible(large)
