"""`ca report --robustness`: the boards of each condition, scores, and the files."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.helpers import random_automaton, saved_automaton, seeded

from ca.cli import main
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.protocol import measure, metrics_at
from ca.report.robustness.boards import (
    chimeras,
    half_erased,
    in_mnist_box,
    partners,
    scikit_learn_digits,
    side_by_side,
)
from ca.report.robustness.command import report_robustness
from ca.report.robustness.conditions import ERASED, Condition, conditions
from ca.report.robustness.measure import measure_robustness
from ca.report.robustness.trial import Stage, Trial, score
from ca.system.errors import UsageError


def by_kind(kind: str) -> Iterator[Condition]:
    return (condition for condition in conditions(of_digits=True) if condition.kind == kind)


def made(condition: Condition, digits: Digits, ticks: int = 3) -> Trial:
    trial = condition.make(digits, ticks, np.random.default_rng(0))
    assert trial is not None
    return trial


@pytest.fixture
def digits() -> Digits:
    return load_digits("mnist", "test")[:12]


def test_unchanged_digits_score_as_in_the_protocol(digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    measured = measure(automaton, digits, stages=1, ticks=10, generator=seeded(0))
    scored = score(automaton, made(next(by_kind("fire rate")), digits, 10), seeded(0))
    plain = Trial((Stage(digits.images, 10),), digits.labels[:, None])
    assert vars(score(automaton, plain, seeded(0))) == pytest.approx(metrics_at(measured.curves(), 10))
    assert vars(scored) != pytest.approx(metrics_at(measured.curves(), 10))  # at a quarter of the rate


def test_a_trial_leaves_the_automaton_as_it_was(digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    before = automaton.fire_rate, automaton.noise
    nobody = Trial((Stage(digits.images, 3),), digits.labels[:, None], fire_rate=0.0, noise=9.0)
    assert score(automaton, nobody, seeded(0)).agreement == 1  # all outputs are zero: class 0
    assert score(automaton, nobody, seeded(0)).digit_accuracy == (digits.labels == 0).float().mean()
    assert (automaton.fire_rate, automaton.noise) == before


def test_a_push_changes_the_state_of_every_cell(digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    stages = Stage(digits.images, 1), Stage(digits.images, 1, push=1.0)
    pushed = score(automaton, Trial(stages, digits.labels[:, None], fire_rate=0.0), seeded(0))
    assert pushed.cell_accuracy == pytest.approx(0.1, abs=0.03)  # the largest of ten random numbers


def test_cells_keep_their_state_from_stage_to_stage(digits: Digits) -> None:
    automaton = random_automaton(fire_rate=1.0, noise=0.0, dtype=torch.float32)
    whole = score(automaton, Trial((Stage(digits.images, 8),), digits.labels[:, None]), seeded(0))
    halves = Stage(digits.images, 5), Stage(digits.images, 3)
    assert score(automaton, Trial(halves, digits.labels[:, None]), seeded(0)) == whole


def test_either_right_answer_counts(digits: Digits) -> None:
    automaton = random_automaton(dtype=torch.float32)
    stages = (Stage(digits.images, 5),)
    answers = torch.arange(10).expand(len(digits), 10)
    both = score(automaton, Trial(stages, answers), seeded(0))
    assert (both.digit_accuracy, both.cell_accuracy) == (1, 1)


def test_half_of_the_rows_or_columns_are_erased(digits: Digits) -> None:
    erased = half_erased(digits.images, np.random.default_rng(0))
    for whole, rest in zip(digits.images, erased, strict=True):
        assert ((rest == whole) | (rest == 0)).all()
        lengths = [(int(rest.any(axis).sum()), int(whole.any(axis).sum())) for axis in (0, 1)]
        assert any(abs(left - all_of_it / 2) <= 2 for left, all_of_it in lengths)
        assert 0 < (rest > 0).sum() < (whole > 0).sum()


def test_a_digit_that_is_restored_is_whole_at_the_end(digits: Digits) -> None:
    zero, later, restored = (made(condition, digits) for condition in by_kind(ERASED))
    assert [len(trial.stages) for trial in (zero, later, restored)] == [1, 2, 3]
    for trial in (later, restored):
        assert torch.equal(trial.stages[0].boards, digits.images)
    assert torch.equal(restored.stages[2].boards, digits.images)
    assert not torch.equal(later.stages[1].boards, digits.images)


def test_conditions_of_a_kind_are_paired_wherever_they_stand(digits: Digits) -> None:
    drawn: list[tuple[str, list[int]]] = []

    def recording(condition: Condition) -> Condition:
        def make(digits: Digits, ticks: int, generator: np.random.Generator) -> None:
            drawn.append((condition.kind, generator.integers(2**32, size=4).tolist()))

        return Condition(condition.kind, condition.strength, make)

    chosen = [recording(condition) for condition in conditions(of_digits=True)]
    for some in (chosen, chosen[5:]):
        measured, _ = measure_robustness({}, digits, some, ticks=1, seed=3, device=torch.device("cpu"))
        assert measured == []
    kinds = {kind for kind, _ in drawn}
    assert len({tuple(numbers) for _, numbers in drawn}) == len(kinds) > 10
    for kind in kinds:
        assert len({tuple(numbers) for other, numbers in drawn if other == kind}) == 1


@pytest.mark.parametrize("gap", [0, 1, 6])
def test_two_digits_are_so_far_apart_and_each_has_its_cells(digits: Digits, gap: int) -> None:
    boards, owners, labels = side_by_side(digits, gap)
    other = partners(digits.labels)
    assert (
        labels.flatten().tolist() == torch.stack([digits.labels, digits.labels[other]], 1).flatten().tolist()
    )
    for number, (board, owner) in enumerate(zip(boards, owners, strict=True)):
        ends = []
        for digit, whole in ((0, digits.images[number]), (1, digits.images[other[number]])):
            own = board * (owner == 2 * number + digit)
            assert sorted(own[own > 0].tolist()) == sorted(whole[whole > 0].tolist())
            columns = own.any(0).nonzero().flatten()
            ends += [int(columns[0]), int(columns[-1])]
        assert ends[2] - ends[1] - 1 == gap


def test_partners_are_of_another_class() -> None:
    labels = torch.tensor([3, 3, 1, 3, 3])
    assert partners(labels).tolist() == [2, 2, 3, 2, 2]
    with pytest.raises(ValueError, match=r"^all digits are of one class$"):
        partners(torch.tensor([3, 3]))


def test_a_chimera_has_halves_of_two_digits(digits: Digits) -> None:
    images, labels = chimeras(digits)
    assert torch.equal(images[:, :, :14], digits.images[:, :, :14])
    assert torch.equal(images[:, :, 14:], digits.images[partners(digits.labels)][:, :, 14:])
    assert (labels[:, 0] != labels[:, 1]).all()


def test_other_digits_fill_the_box_of_mnist() -> None:
    found = scikit_learn_digits(30)
    assert found is not None
    images, labels = found
    assert images.shape == (30, 28, 28)
    assert labels[:10, 0].tolist() == list(range(10))
    for image in images:
        assert max(int(image.any(axis).sum()) for axis in (0, 1)) in (19, 20)
        y, x = np.indices(image.shape)
        weights = image.double().numpy()
        assert (weights * y).sum() / weights.sum() == pytest.approx(13.5, abs=0.6)
        assert (weights * x).sum() / weights.sum() == pytest.approx(13.5, abs=0.6)
    whole = np.full((4, 8), 255, np.uint8)
    assert in_mnist_box(whole)[9:19, 4:24].all()


def test_every_condition_makes_boards_of_its_own(digits: Digits) -> None:
    for condition in conditions(of_digits=True):
        trial = made(condition, digits)
        boards = trial.stages[-1].boards
        assert boards.dtype == torch.uint8
        assert (boards.flatten(1).amax(1) > 25).all(), condition
        if condition.is_plain:
            assert boards.flatten(1).long().sum(1).tolist() == digits.images.flatten(1).long().sum(1).tolist()
    assert {"drawn digits, cells high"} == {condition.kind for condition in conditions(of_digits=True)} - {
        condition.kind for condition in conditions(of_digits=False)
    }


def test_files_and_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ca.report.robustness.conditions.LONG", 2)
    monkeypatch.setattr("ca.report.robustness.conditions.AFTER", 2)
    monkeypatch.setattr("ca.report.robustness.boards.find_spec", lambda name: None)
    folders = [
        str(saved_automaton(tmp_path / name, random_automaton(dtype=torch.float32))) for name in ("a", "b")
    ]
    output = ["--output-dir", str(tmp_path / "o")]
    main(["report", *folders, "--robustness", "--n-digits", "5", "--n-steps-per-stage", "2", *output])
    captured = capsys.readouterr()
    assert captured.err == "ca: left out: others: scikit-learn: pip install scikit-learn\n"
    record, picture, *table = captured.out.splitlines()
    content = json.loads(Path(record).read_text())
    rows = [row.split(" | ")[0] for row in table[2:]]
    assert rows[0] == "| unchanged"
    assert "| rotation: -30°" in rows
    assert len(rows) == len(set(rows)) > 40
    found = content["conditions"]
    assert (content["digits"], content["ticks"], content["dataset"]) == (5, 2, "mnist")
    shares = found[0]["scores"].values()
    cells = [" / ".join(f"{100 * share:.1f}" for share in score.values()) for score in shares]
    assert f"| {found[0]['kind']}: {found[0]['strength']} | {' | '.join(cells)} |" in table
    with Image.open(picture) as opened:
        assert np.asarray(opened.convert("L")).std() > 10


def test_digits_of_one_class_are_refused(tmp_path: Path, digits: Digits) -> None:
    ones = Digits(digits.images[:2], torch.ones(2, dtype=torch.int64))
    with pytest.raises(UsageError, match=r"^--n-digits 2 takes digits of one class only"):
        report_robustness({}, ones, "mnist", ticks=1, seed=0, device=torch.device("cpu"), stem=tmp_path / "x")
