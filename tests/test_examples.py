"""The scripts in `examples/` run, and write what they say into the folder that they are given."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

import ca
from ca.engine import choice

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Run an example as a script in an empty folder; returns the lines that it prints."""

    def run_example(name: str, *options: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", [name, *options])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run_example


def test_every_example_is_tested_and_short() -> None:
    """Except the one whose lists of fonts are long."""
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"classify_my_array", "train_and_plot", "film_a_rollout", "change_the_rule", "letters"}
    for name in names - {"letters"}:
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 42


def test_classify_my_array(run: Callable[..., list[str]], tmp_path: Path) -> None:
    lines = run("classify_my_array.py", "--output-dir", "out")
    right = [line.startswith(f"drawn {number}: class {number}, ") for number, line in enumerate(lines[:10])]
    assert sum(right) >= 8
    picture = np.asarray(Image.open(tmp_path / lines[10]))
    assert picture.shape == (3 * 28 * 6, 4 * 28 * 6, 3)


def test_train_and_plot(run: Callable[..., list[str]], tmp_path: Path) -> None:
    options = ("--steps", "4", "--digits", "20", "--output-dir", "out")
    accuracy, checkpoint, figure = run("train_and_plot.py", *options)
    assert accuracy.startswith("digit accuracy ")
    assert isinstance(ca.CellularAutomaton.from_pretrained(tmp_path / checkpoint), ca.CellularAutomaton)
    assert np.asarray(Image.open(tmp_path / figure)).std() > 1


def test_film_a_rollout(run: Callable[..., list[str]], tmp_path: Path) -> None:
    told, path = run("film_a_rollout.py", "--ticks", "3", "--output-dir", "out")
    assert told == "8 states, each of 420 x 420 pixels"
    with Image.open(tmp_path / path) as film:
        assert film.size == (420, 420)
        assert getattr(film, "n_frames", 1) >= 7


def test_change_the_rule(run: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    reported: set[tuple[type, str]] = set()
    monkeypatch.setattr(choice, "_reported", reported)
    options = ("--steps", "2", "--digits", "8", "--rules", "gelu", "bounded")
    lines = run("change_the_rule.py", *options)
    assert [line.split(":")[0] for line in lines] == ["gelu", "bounded"]
    assert all(line.endswith("% at tick 50") for line in lines)
    engines = {(kind.__name__, name) for kind, name in reported}
    assert engines == {("GeluAutomaton", choice.LAYERS.name), ("BoundedAutomaton", choice.TICK.name)}


def test_letters(run: Callable[..., list[str]]) -> None:
    """Matplotlib's fonts in place of Debian's: each letter has its box, in all faces of a family."""
    fonts = Path(matplotlib.get_data_path()) / "fonts"
    with pytest.raises(SystemExit, match=r"fonts are missing, .*: Accanthis ADF Std, "):
        run("letters.py", "--fonts", str(fonts))
    script = runpy.run_path(str(EXAMPLES / "letters.py"))
    faces = script["installed_faces"](fonts)
    assert len(faces["DejaVu Sans"]) == 4
    train, test = (set(re.split(r",\s", script[names])) for names in ("TRAINING", "TEST"))
    assert (len(train), len(test), len(train & test)) == (57, 21, 0)
    images, labels = script["letters_of"](["DejaVu Sans", "DejaVu Serif"], faces)
    assert images.shape == (26 * 8 * 3, 28, 28)
    assert np.unique(labels, return_counts=True)[1].tolist() == [24] * 26
    for image, box in zip(images, [16, 20, 24] * 26 * 8, strict=True):
        rows, columns = (np.flatnonzero(image.max(axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == box
