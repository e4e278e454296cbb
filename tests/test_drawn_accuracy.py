"""`tools/drawn_accuracy.py`: the shares in its table, its picture, and what it says of a bad call."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
BUNDLED = str(ROOT / "checkpoints" / "model-steps-100000")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drawn_accuracy", ROOT / "tools" / "drawn_accuracy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def rows_of(lines: list[str]) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return {name: values for name, *values in cells}


def test_the_table_counts_the_digits_of_each_height_brush_and_way(tool: ModuleType) -> None:
    drawn = tool.draw_all(4, seed=1)
    heights = np.array([height for height, _ in tool.PAIRS]).repeat(4)
    right = np.stack([heights == 50, drawn.ways != drawn.ways[0]])
    rows = rows_of(list(tool.table(["first", "second"], drawn, right)))
    assert rows[""] == ["digits", "first", "second"]
    assert rows["all"][:2] == ["144", f"{100 * 28 / 144:.1f}"]
    assert rows["50 cells high"][:2] == ["28", "100.0"]
    assert rows["9 cells high"][:2] == ["12", "0.0"]
    assert rows["brush 5"][:2] == ["16", "25.0"]  # 20, 28, 38 and 50 cells high
    way = tool.WAYS[drawn.ways[0]]
    assert rows[f"{way.digit}, {way.name}"][2] == "0.0"
    assert len(rows) == 2 + 1 + 6 + 7 + 10


def test_seeds_of_validation_and_test_draw_other_digits(tool: ModuleType) -> None:
    first, second = (tool.draw_all(1, seed).images for seed in (tool.VALIDATION_SEED, tool.TEST_SEED))
    assert not (first == second).all((1, 2)).any()


def test_it_prints_a_table_and_draws_what_is_read_wrong(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.png"
    arguments = [BUNDLED, "--ticks", "3", "--number", "1", "--picture", str(path)]
    monkeypatch.setattr(sys, "argv", ["drawn_accuracy.py", *arguments])
    tool.main()
    rows = rows_of(capsys.readouterr().out.splitlines())
    assert rows["all"][0] == "36"
    assert 0 < float(rows["all"][1]) < 100
    with Image.open(path) as picture:
        assert picture.width > 1_000
        assert np.asarray(picture.convert("L")).min() < 50


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such-folder"], 1, "drawn_accuracy.py: there is no checkpoint no-such-folder"),
        ([BUNDLED, BUNDLED], 2, f"drawn_accuracy.py: checkpoint {BUNDLED} is given twice"),
        ([BUNDLED, "--ticks", "0"], 2, "--number and --ticks must be at least 1"),
    ],
)
def test_bad_calls_end_in_one_line(
    tool: ModuleType,
    arguments: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["drawn_accuracy.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        tool.main()
    assert ended.value.code == code
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_digit_is_enlarged_to_fill_its_tile(tool: ModuleType) -> None:
    image = np.zeros((64, 64), dtype=np.uint8)
    image[10:22, 30:36] = 255
    tile = tool.enlarged(image)
    assert tile.shape == (96, 96)
    assert (tile > 0).any(1).all()
    assert (tile > 0).any(0).sum() == 48
