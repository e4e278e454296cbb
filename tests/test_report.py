"""The evaluation protocol against a dense rollout, and the files that `ca report` writes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import random_automaton, saved_automaton, seeded

from ca.digits import Digits
from ca.errors import UsageError
from ca.protocol import DIGITS_AT_ONCE, measure
from ca.report import report
from ca.settings import ReportSettings


@pytest.fixture
def settings(tmp_path: Path) -> ReportSettings:
    checkpoint = saved_automaton(tmp_path, random_automaton(dtype=torch.float32))
    return ReportSettings(
        checkpoint=checkpoint, n_digits=20, n_steps_per_stage=3, output_dir=tmp_path / "outputs"
    )


def test_measurements_equal_a_dense_rollout(few_digits: Digits) -> None:
    """Without chance: every cell fires and there is no noise."""
    automaton = random_automaton(fire_rate=1.0, noise=0.0, dtype=torch.float32)
    digits, ticks = few_digits[:12], 4
    measured = measure(automaton, digits, stages=1, ticks=ticks, generator=seeded(0))
    curves = measured.curves()
    assert measured.labels.tolist() == [digits.labels.tolist()]

    grid = torch.cat([digits.liveness[:, None], torch.zeros(12, 19, 28, 28)], 1)
    everyone, silence = torch.ones(12, 28, 28, dtype=torch.bool), torch.zeros(12, 19, 28, 28)
    living = digits.liveness > 0.1
    for tick in range(ticks):
        with torch.no_grad():
            after = automaton.tick(grid, everyone, silence)
        votes = after[:, 10:].argmax(1)
        right = (votes == digits.labels[:, None, None])[living].double().mean()
        agreeing = [len(set(votes[n][living[n]].tolist())) == 1 for n in range(12)]
        common = [votes[n][living[n]].bincount(minlength=10).argmax() for n in range(12)]
        state, residual = (cells[:, 1:].movedim(1, -1)[living] for cells in (after, after - grid))
        assert curves["cell_accuracy"][tick] == pytest.approx(right.item())
        assert curves["agreement"][tick] == pytest.approx(sum(agreeing) / 12)
        assert curves["digit_accuracy"][tick] == pytest.approx(
            (torch.stack(common) == digits.labels).double().mean().item()
        )
        assert curves["mean_abs_state"][tick] == pytest.approx(state.abs().mean().item(), rel=1e-4)
        assert curves["mean_abs_residual"][tick] == pytest.approx(residual.abs().mean().item(), rel=1e-4)
        grid = after


def test_stages_mutate_each_digit_to_another_and_keep_its_state(few_digits: Digits) -> None:
    automaton = random_automaton(fire_rate=1.0, noise=0.0, dtype=torch.float32)
    measured = measure(automaton, few_digits, stages=2, ticks=2, generator=seeded(3))
    fresh = measure(automaton, few_digits, stages=1, ticks=2, generator=seeded(3))
    assert (measured.votes[0] == fresh.votes[0]).all()
    assert (measured.labels[0] == few_digits.labels).all()
    cells = (few_digits.liveness > 0.1).sum((1, 2))
    assert (measured.votes[0].sum(-1) == cells).all()
    changed = measured.votes[1, 0].sum(-1)
    assert (changed != cells).float().mean() > 0.8, "most digits have another number of cells"
    assert set(changed.tolist()) <= set(cells.tolist())


def test_more_digits_than_are_rolled_out_at_once(few_digits: Digits) -> None:
    digits = few_digits[torch.arange(DIGITS_AT_ONCE + 5) % len(few_digits)]
    automaton = random_automaton(fire_rate=1.0, noise=0.0, dtype=torch.float32)
    done: list[int] = []
    measured = measure(automaton, digits, stages=1, ticks=2, generator=seeded(0), advance=done.append)
    alone = measure(automaton, digits[DIGITS_AT_ONCE:], stages=1, ticks=2, generator=seeded(0))
    assert sum(done) == len(digits)
    assert (measured.votes[:, :, DIGITS_AT_ONCE:] == alone.votes).all()


def written(settings: ReportSettings, capsys: pytest.CaptureFixture[str]) -> bytes:
    report(settings)
    return Path(capsys.readouterr().out.splitlines()[0]).read_bytes()


def test_json_holds_curves_tops_and_told_ticks(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(written(settings, capsys))
    assert (found["digits"], found["seed"], found["step"], found["dataset"]) == (20, 0, 7, "mnist")
    assert set(found["at_tick"]) == {"3", "6"}
    for name in ("cell_accuracy", "agreement", "digit_accuracy", "mean_abs_state", "mean_abs_residual"):
        assert len(found["curves"][name]) == 6
    for name, top in found["top"].items():
        assert top["value"] == max(found["curves"][name][:3]) == found["curves"][name][top["tick"] - 1]
        assert found["at_tick"]["6"][name] == found["curves"][name][5]


def test_same_seed_same_json_and_another_seed_another(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    first = written(settings, capsys)
    assert written(replace(settings, output_dir=settings.output_dir / "again"), capsys) == first
    other = json.loads(written(replace(settings, seed=1), capsys))
    assert other["curves"] != json.loads(first)["curves"]


def test_more_digits_than_there_are(settings: ReportSettings) -> None:
    with pytest.raises(UsageError, match="--n-digits 10001"):
        report(replace(settings, n_digits=10_001))
