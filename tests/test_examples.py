"""The scripts in `examples/` run, and write what they say into the folder that they are given."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import ca

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *options: str, folder: Path) -> str:
    """Run an example in an empty folder and return what it prints."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested_and_short() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix == ".py"}
    assert names == {"classify_my_array.py", "train_and_plot.py", "film_a_rollout.py", "change_the_rule.py"}
    for name in names:
        assert len((EXAMPLES / name).read_text().splitlines()) <= 42


def test_classify_my_array(tmp_path: Path) -> None:
    lines = run("classify_my_array.py", "--output-dir", "out", folder=tmp_path).splitlines()
    right = [line.startswith(f"drawn {number}: class {number}, ") for number, line in enumerate(lines[:10])]
    assert sum(right) >= 8
    picture = np.asarray(Image.open(tmp_path / lines[10]))
    assert picture.shape == (3 * 28 * 6, 4 * 28 * 6, 3)


def test_train_and_plot(tmp_path: Path) -> None:
    options = ("--steps", "4", "--digits", "20", "--output-dir", "out")
    accuracy, checkpoint, figure = run("train_and_plot.py", *options, folder=tmp_path).splitlines()
    assert accuracy.startswith("digit accuracy ")
    assert isinstance(ca.load_automaton(tmp_path / checkpoint), ca.CellularAutomaton)
    assert np.asarray(Image.open(tmp_path / figure)).std() > 1


def test_film_a_rollout(tmp_path: Path) -> None:
    told, path = run("film_a_rollout.py", "--ticks", "3", "--output-dir", "out", folder=tmp_path).splitlines()
    assert told == "8 frames of 420 x 420 pixels"
    with Image.open(tmp_path / path) as film:
        assert film.size == (420, 420)
        assert getattr(film, "n_frames", 1) >= 7


def test_change_the_rule(tmp_path: Path) -> None:
    options = ("--steps", "2", "--digits", "8", "--rules", "gelu", "bounded")
    lines = run("change_the_rule.py", *options, folder=tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines] == ["gelu", "bounded"]
    assert all(line.endswith("% at tick 50") for line in lines)
