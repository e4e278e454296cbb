"""The evaluation protocol against a dense rollout, and the files that `ca report` writes."""

import errno
import json
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.helpers import random_automaton, saved_automaton, seeded
from support.sizes import DEAD, UNDECIDED
from tqdm import tqdm

from ca.cli import main, parse
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.metrics import agreement
from ca.protocol import DIGITS_AT_ONCE, measure
from ca.render.palette import CLASS_COLOURS, palette_of
from ca.report.command import report
from ca.settings.choices import Colours
from ca.settings.commands import ReportSettings
from ca.system.errors import FailedError, UsageError
from ca.system.streams import print_any_letter

DRAWING = {
    "confusion": "ca.report.confusion.draw_confusion",
    "worst": "ca.report.worst.draw_worst",
    "shares": "ca.report.curves.draw_shares",
    "magnitudes": "ca.report.curves.draw_magnitudes",
    "coverage": "ca.report.coverage.draw_coverage",
}
ALL_FIGURES = ("-curves.png", "-magnitudes.png", "-certainty.png")


@pytest.fixture
def settings(tmp_path: Path) -> ReportSettings:
    checkpoint = saved_automaton(tmp_path, random_automaton(dtype=torch.float32))
    return ReportSettings(
        checkpoints=(checkpoint,), n_digits=20, n_steps_per_stage=3, output_dir=tmp_path / "outputs"
    )


def test_measurements_equal_a_dense_rollout(few_digits: Digits) -> None:
    """Without random draws: every cell fires and there is no noise."""
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
    assert measured.last_part_votes.sum(2).tolist() == measured.votes[:, -1].tolist()
    shown = torch.where(after[:, 10:].amax(1) > 0, votes, UNDECIDED).where(living, torch.tensor(DEAD))
    assert measured.last_cells.tolist() == [shown.tolist()]


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
    assert (measured.last_cells[0] == fresh.last_cells[0]).all()
    living = (measured.last_cells[1] != DEAD).sum((1, 2))
    assert living.tolist() == changed.tolist(), "the cells are those of the digits after the mutation"


def test_more_digits_than_are_rolled_out_at_once(few_digits: Digits) -> None:
    digits = few_digits[torch.arange(DIGITS_AT_ONCE + 5) % len(few_digits)]
    automaton = random_automaton(fire_rate=1.0, noise=0.0, dtype=torch.float32)
    done: list[int] = []
    measured = measure(automaton, digits, stages=1, ticks=2, generator=seeded(0), advance=done.append)
    alone = measure(automaton, digits[DIGITS_AT_ONCE:], stages=1, ticks=2, generator=seeded(0))
    assert sum(done) == len(digits)
    assert (measured.votes[:, :, DIGITS_AT_ONCE:] == alone.votes).all()
    assert (measured.last_cells[:, DIGITS_AT_ONCE:] == alone.last_cells).all()


@pytest.fixture
def drawing_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in DRAWING.values():
        monkeypatch.setattr(function, lambda *_, **__: None)


def written(settings: ReportSettings, capsys: pytest.CaptureFixture[str]) -> list[bytes]:
    """Run `report`; the contents of the JSON files whose paths it printed."""
    report(settings)
    lines = capsys.readouterr().out.splitlines()
    return [Path(line).read_bytes() for line in lines if line.endswith(".json")]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints of the same name, of different automata."""
    first, second = (
        saved_automaton(tmp_path / run, random_automaton(seed, dtype=torch.float32))
        for seed, run in enumerate(("a", "b"))
    )
    assert first.name == second.name
    return first, second


@pytest.mark.usefixtures("drawing_nothing")
def test_json_holds_curves_tops_and_printed_ticks(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    (content,) = written(settings, capsys)
    found = json.loads(content)
    assert found["checkpoint"] == "model-steps-7"
    assert (found["digits"], found["seed"], found["step"], found["dataset"]) == (20, 0, 7, "mnist")
    assert set(found["at_tick"]) == {"3", "6"}
    for name in ("cell_accuracy", "agreement", "digit_accuracy", "mean_abs_state", "mean_abs_residual"):
        assert len(found["curves"][name]) == 6
    for name, top in found["top"].items():
        assert top["value"] == max(found["curves"][name][:3]) == found["curves"][name][top["tick"] - 1]
        assert found["at_tick"]["6"][name] == found["curves"][name][5]
    assert set(found["parts"]) == {"3", "6"}
    assert found["parts"]["3"]["largest_part_agreement"] >= found["at_tick"]["3"]["agreement"]
    last_right = round(found["at_tick"]["3"]["digit_accuracy"] * 20)
    for each in found["certainty"].values():
        assert (each["digits"][-1], each["right"][-1]) == (20, last_right)


@pytest.mark.usefixtures("drawing_nothing")
def test_confusion_is_counted_at_the_end_of_the_last_stage(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    (content,) = written(settings, capsys)
    automaton, digits = random_automaton(dtype=torch.float32), load_digits("mnist", "test")[:20]
    measured = measure(automaton, digits, stages=2, ticks=3, generator=seeded(0))
    counts = [[0] * 10 for _ in range(10)]
    for votes, label in zip(measured.votes[1, 2].tolist(), measured.labels[1].tolist(), strict=True):
        counts[label][votes.index(max(votes))] += 1
    assert json.loads(content)["confusion"] == counts


@pytest.mark.usefixtures("drawing_nothing")
def test_same_seed_same_json_and_another_seed_another(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    first = written(settings, capsys)
    assert written(replace(settings, output_dir=settings.output_dir / "again"), capsys) == first
    (other,) = written(replace(settings, seed=1), capsys)
    assert json.loads(other)["curves"] != json.loads(first[0])["curves"]


def test_paths_are_printed_and_figures_are_pictures(
    settings: ReportSettings, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    report(replace(settings, checkpoints=two))
    paths = [Path(line) for line in capsys.readouterr().out.splitlines() if line.startswith("/")]
    a, b = (sha256((path / "model.safetensors").read_bytes()).hexdigest() for path in two)
    a, b, ab = (digest[:8] for digest in (a, b, sha256((a + b).encode()).hexdigest()))
    measured_on = "_seed-0_mnist-20_ticks-2x3"
    assert [path.name for path in paths] == [
        *(f"a-model-steps-7_{a}{measured_on}{end}" for end in (".json", "-confusion.png", "-worst.png")),
        *(f"b-model-steps-7_{b}{measured_on}{end}" for end in (".json", "-confusion.png", "-worst.png")),
        *(f"a-model-steps-7-and-1-more_{ab}{measured_on}{end}" for end in ALL_FIGURES),
    ]
    assert sorted(paths) == sorted(settings.output_dir.iterdir())
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.format == "PNG"
                assert min(image.size) > 700


def test_figures_show_what_was_measured(
    settings: ReportSettings,
    two: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn: dict[str, list[Any]] = {}
    for figure in DRAWING:
        calls = drawn.setdefault(figure, [])
        monkeypatch.setattr(
            DRAWING[figure],
            lambda *args, calls=calls, **options: calls.append((args, options)),
        )
    found = [json.loads(content) for content in written(replace(settings, checkpoints=two), capsys)]
    curves = {one["checkpoint"]: one["curves"] for one in found}
    assert list(curves) == ["a/model-steps-7", "b/model-steps-7"]
    assert curves["a/model-steps-7"] != curves["b/model-steps-7"]
    ((shares, options),), ((magnitudes, _),) = drawn["shares"], drawn["magnitudes"]
    assert shares == magnitudes == (curves, 3)
    assert options["with_article"] is True
    (((certainty, ticks), _),) = drawn["coverage"]
    assert ticks == 3
    assert {name: measures["votes"].digits for name, measures in certainty.items()} == {
        one["checkpoint"]: one["certainty"]["votes"]["digits"] for one in found
    }
    assert [args for args, _ in drawn["confusion"]] == [
        (one["confusion"], one["checkpoint"]) for one in found
    ]
    assert [options["tick"] for _, options in drawn["confusion"]] == [6, 6]
    for ((votes, labels, cells, _), options), one in zip(drawn["worst"], found, strict=True):
        assert options["name"] == one["checkpoint"]
        assert agreement(votes).tolist() == one["curves"]["agreement"][:3], "the first stage"
        assert labels.tolist() == load_digits("mnist", "test").labels[:20].tolist()
        assert ((cells != DEAD).sum((1, 2)) == votes[-1].sum(-1).numpy()).all()


@pytest.mark.usefixtures("drawing_nothing")
@pytest.mark.parametrize("colours", CLASS_COLOURS)
def test_digits_have_the_chosen_colours(
    settings: ReportSettings, colours: Colours, monkeypatch: pytest.MonkeyPatch
) -> None:
    palettes: list[np.ndarray] = []
    monkeypatch.setattr(DRAWING["worst"], lambda *args, **_: palettes.append(args[3]))
    report(replace(settings, colours=colours))
    assert (palettes[0] == palette_of(colours, 10)).all()


@pytest.mark.usefixtures("drawing_nothing")
def test_other_checkpoints_do_not_change_what_is_measured(
    settings: ReportSettings, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    together = [json.loads(content) for content in written(replace(settings, checkpoints=two), capsys)]
    for path, one in zip(two, together, strict=True):
        (alone,) = written(replace(settings, checkpoints=(path,)), capsys)
        assert json.loads(alone) == one | {"checkpoint": "model-steps-7"}


@pytest.mark.usefixtures("drawing_nothing")
def test_table_has_a_block_for_each_checkpoint_and_the_articles(
    settings: ReportSettings, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    report(replace(settings, checkpoints=two))
    lines = capsys.readouterr().out.splitlines()
    paths = [Path(line) for line in lines if line.endswith(".json")]
    table = [line.split() for line in lines if not line.startswith("/")]
    assert table[0] == ["cell", "accuracy", "agreement", "digit", "accuracy"]
    for start, path in ((1, paths[0]), (5, paths[1])):
        found = json.loads(path.read_text())
        name, top, _, last = table[start : start + 4]
        assert name == [found["checkpoint"]]
        assert top[3::3] == [f"{best['value']:.1%}" for best in found["top"].values()]
        assert last == ["tick", "6", *(f"{value:.1%}" for value in found["at_tick"]["6"].values())]
    assert [" ".join(row) for row in table[9:12]] == [
        "article, L2 + noise",
        "top before mutation 95.4% at 65 88.2% at 190",
        "tick 200 95.3% 88.1%",
    ]
    assert table[13] == ["agreement", "tick", "3", "tick", "6"]
    assert table[27] == ["certainty,", "tick", "3", "first", "agreement", "votes"]
    for start, path in ((14, paths[0]), (20, paths[1])):
        found = json.loads(path.read_text())
        parts = [found["parts"][tick] for tick in ("3", "6")]
        assert [" ".join(row) for row in table[start : start + 5]] == [
            found["checkpoint"],
            "all cells " + " ".join(f"{found['at_tick'][tick]['agreement']:.1%}" for tick in ("3", "6")),
            "largest part " + " ".join(f"{each['largest_part_agreement']:.1%}" for each in parts),
            "each part in itself " + " ".join(f"{each['agreement_within_parts']:.1%}" for each in parts),
            "digits in parts " + " ".join(str(each["digits_in_parts"]) for each in parts),
        ]
    for start, path in ((28, paths[0]), (32, paths[1])):
        found = json.loads(path.read_text())
        areas = [found["certainty"][name]["roc_area"] for name in ("first_agreement", "votes")]
        assert table[start] == [found["checkpoint"]]
        assert table[start + 1] == ["area", "under", "ROC", *(f"{area:.1%}" for area in areas)]
        error = found["certainty"]["votes"]["calibration_error"]
        assert table[start + 3] == ["calibration", "error", "-", f"{error:.1%}"]


@pytest.mark.usefixtures("drawing_nothing")
def test_other_data_sets_stand_without_the_article(
    settings: ReportSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = load_digits("mnist", "test")[:30]
    monkeypatch.setattr("ca.report.command.load_digits", lambda *_, **__: digits)
    options: list[dict[str, Any]] = []
    monkeypatch.setattr(DRAWING["shares"], lambda *_, **given: options.append(given))
    report(replace(settings, dataset="kmnist"))
    assert "article" not in capsys.readouterr().out
    assert options[0]["with_article"] is False


@pytest.mark.usefixtures("drawing_nothing")
def test_one_bar_counts_the_digits_of_all_checkpoints(
    settings: ReportSettings, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tqdm] = []

    def counting(**options: Any) -> tqdm:
        bars.append(tqdm(**options | {"disable": False, "file": StringIO()}))
        return bars[-1]

    monkeypatch.setattr("ca.system.terminal.tqdm", counting)
    report(replace(settings, checkpoints=two))
    assert [(bar.n, bar.total) for bar in bars] == [(40, 40)]


# Errors


@pytest.fixture
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr("ca.report.command.measure", never)


def told(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Run `ca report` that fails and return its one line on stderr."""
    with pytest.raises(SystemExit) as caught:
        main(["report", *arguments])
    assert caught.value.code == code
    output, error = capsys.readouterr()
    assert output == ""
    assert error.count("\n") == 1
    return error.removesuffix("\n")


@pytest.mark.usefixtures("_no_work")
def test_the_same_checkpoint_twice(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    weights = str(two[0] / "model.safetensors")
    for again in (str(two[0]), weights, str(two[0] / ".." / two[0].name)):
        line = told([str(two[0]), str(two[1]), again, "--output-dir", str(tmp_path)], 2, capsys)
        assert line.startswith("ca: checkpoint ")
        assert line.endswith("model-steps-7 is given twice")


@pytest.mark.usefixtures("_no_work")
def test_a_bad_checkpoint_is_found_before_any_is_measured(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "nope"
    line = told([str(two[0]), str(missing), "--output-dir", str(tmp_path / "outputs")], 1, capsys)
    assert line == f"ca: there is no checkpoint {missing}: ca train makes them"
    assert not (tmp_path / "outputs").exists()


@pytest.mark.usefixtures("_no_work")
def test_a_folder_of_runs_names_their_checkpoints(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = told([str(tmp_path), "--output-dir", str(tmp_path / "outputs")], 1, capsys)
    assert line == (
        f"ca: {tmp_path} is not a checkpoint: it has no model.safetensors; did you mean {two[0]} or {two[1]}?"
    )


@pytest.mark.usefixtures("drawing_nothing")
def test_checkpoints_of_different_data_sets_need_one_to_be_chosen(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = saved_automaton(tmp_path / "b", random_automaton(1, dtype=torch.float32), dataset="kmnist")
    checkpoints = (*settings.checkpoints, other)
    line = told([*map(str, checkpoints), "--output-dir", str(tmp_path)], 2, capsys)
    assert line == "ca: the checkpoints are of mnist and kmnist: choose one with --dataset"
    found = written(replace(settings, checkpoints=checkpoints, dataset="mnist"), capsys)
    assert [json.loads(content)["dataset"] for content in found] == ["mnist", "mnist"]


@pytest.mark.parametrize("figure", ["confusion", "worst", "shares", "magnitudes"])
@pytest.mark.usefixtures("drawing_nothing")
def test_a_full_disk_is_one_line(
    settings: ReportSettings, figure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DRAWING[figure], full)
    with pytest.raises(FailedError, match=r"^can't write into .*outputs: No space left on device$"):
        report(settings)


def test_more_digits_than_there_are(settings: ReportSettings) -> None:
    with pytest.raises(UsageError, match="--n-digits 10001"):
        report(replace(settings, n_digits=10_001))


@pytest.mark.usefixtures("drawing_nothing")
def test_without_a_path_the_bundled_checkpoint_is_taken(
    settings: ReportSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    (content,) = written(replace(settings, checkpoints=()), capsys)
    assert json.loads(content)["checkpoint"] == "model-steps-100000"


def test_checkpoints_may_stand_before_and_after_flags() -> None:
    assert parse(["report", "a", "b", "--seed", "3"]) == ReportSettings(
        checkpoints=(Path("a"), Path("b")), seed=3
    )
    assert parse(["report", "--seed", "3", "a"]) == ReportSettings(checkpoints=(Path("a"),), seed=3)


@pytest.mark.parametrize("figure", DRAWING)
@pytest.mark.usefixtures("drawing_nothing")
def test_a_figure_that_fails_stops_nothing_else(
    settings: ReportSettings,
    figure: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("latex could not be found\nand more")

    for name, function in DRAWING.items():
        touch = fail if name == figure else lambda *_, path, **__: path.write_text("drawn")
        monkeypatch.setattr(function, touch)
    with pytest.raises(FailedError, match=r"^can't draw .*\.png: latex could not be found$"):
        report(settings)
    output = capsys.readouterr().out.splitlines()
    assert len(list(settings.output_dir.iterdir())) == len(DRAWING), "the JSON file and three figures"
    assert len([line for line in output if line.startswith("/")]) == len(DRAWING)
    assert any("article" in line for line in output), "the table"


@pytest.mark.parametrize("scale", [1e18, 1e36])
def test_states_that_diverge_are_null_and_curves_end(
    tmp_path: Path, scale: float, capsys: pytest.CaptureFixture[str]
) -> None:
    automaton = random_automaton(dtype=torch.float32)
    with torch.no_grad():
        for weights in automaton.parameters():
            weights.mul_(scale)
    settings = ReportSettings(
        checkpoints=(saved_automaton(tmp_path, automaton),),
        n_digits=4,
        n_steps_per_stage=3,
        output_dir=tmp_path / "outputs",
    )
    report(settings)
    output, error = capsys.readouterr()
    assert len(list(settings.output_dir.iterdir())) == 6
    content = next(settings.output_dir.glob("*.json")).read_text()
    curves = json.loads(content, parse_constant=pytest.fail)["curves"]
    ends = [curve.index(None) + 1 for curve in curves.values() if None in curve]
    assert error == (
        f"ca: the states of model-steps-7 diverge: they are infinite from tick {min(ends)} on, "
        "where its curves end\n"
    )
    for curve in curves.values():
        assert len(curve) == 6
        assert None not in curve or set(curve[curve.index(None) :]) == {None}
    assert "cell accuracy" in output


def test_any_folder_name_is_measured_and_printed(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    print_any_letter()  # as the command does at its start
    for name in ("b\udce9" + "模" * 80, "n" * 250):
        folder = saved_automaton(tmp_path, random_automaton(dtype=torch.float32)).rename(tmp_path / name)
        report(
            ReportSettings(checkpoints=(folder,), n_digits=2, n_steps_per_stage=1, output_dir=tmp_path / "o")
        )
    assert len(list((tmp_path / "o").iterdir())) == 2 * 6
    assert len(capsysbinary.readouterr().out.splitlines()) > 15


def test_a_single_digit_is_measured(few_digits: Digits) -> None:
    """It has no other to mutate to."""
    automaton = random_automaton(dtype=torch.float32)
    measured = measure(automaton, few_digits[:1], stages=2, ticks=2, generator=seeded(0))
    assert len(measured.curves()["cell_accuracy"]) == 4
