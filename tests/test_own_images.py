"""Images of the user's own, from a folder of PNG files to the page: every command works with them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.helpers import error_line

import ca
from ca.checkpoint.folder import load_checkpoint
from ca.cli import main

CLASSES = ("circle", "cross", "square")
SMALL = ["--batch-size", "4", "--pool-size", "8", "--ticks", "2", "3", "--seed", "3", "--device", "cpu"]


def draw(name: str, side: int, seed: int) -> Image.Image:
    """Dark ink on white paper."""
    image = Image.new("L", (side, side + 2), 255)
    pen, low = ImageDraw.Draw(image), 2 + seed % 4
    box = (low, low, side - 3, side - 3)
    if name == "circle":
        pen.ellipse(box, outline=0, width=2)
    elif name == "square":
        pen.rectangle(box, outline=0, width=2)
    else:
        pen.line(box, fill=0, width=2)
        pen.line((low, side - 3, side - 3, low), fill=0, width=2)
    return image


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images of three classes, of different sizes."""
    folder = tmp_path_factory.mktemp("shapes")
    for name in CLASSES:
        (folder / name).mkdir()
        for number in range(12):
            draw(name, 18 + number, number).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    flags = ["--dataset", str(shapes), "--invert", "--steps", "3", "--checkpoint-every", "2"]
    main(["train", *SMALL, *flags, "--output-dir", str(folder)])
    return folder


def test_a_checkpoint_has_their_names_and_as_many_outputs(run: Path) -> None:
    checkpoint = load_checkpoint(run / "model-steps-3")
    assert checkpoint.config.classes == CLASSES
    assert checkpoint.automaton.architecture.classes == 3
    assert checkpoint.config.training.invert
    assert len(checkpoint.load_test_digits(Path("unused"))) == 6


def test_a_run_is_resumed_bit_for_bit(run: Path, tmp_path: Path) -> None:
    main(["train", "--resume", str(run / "model-steps-2"), "--output-dir", str(tmp_path), "--device", "cpu"])
    one, other = (load_checkpoint(folder / "model-steps-3") for folder in (run, tmp_path))
    assert one.weights_sha256 == other.weights_sha256


def test_the_report_and_the_model_have_their_names(run: Path, tmp_path: Path) -> None:
    checkpoint = str(run / "model-steps-3")
    main(["report", checkpoint, "--n-steps-per-stage", "3", "--device", "cpu", "--output-dir", str(tmp_path)])
    (record,) = tmp_path.glob("*.json")
    found = json.loads(record.read_text())
    assert found["classes"] == list(CLASSES)
    assert np.array(found["confusion"]).shape == (3, 3)
    assert len(list(tmp_path.glob("*.png"))) == 5
    onnx = pytest.importorskip("onnx")
    main(["export", checkpoint, str(tmp_path / "model.onnx")])
    properties = {entry.key: entry.value for entry in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert json.loads(properties["classes"]) == list(CLASSES)


@pytest.mark.parametrize(("layout", "shown"), [("", 6), ("--layout board", 6), ("--view channels", 5)])
def test_a_video_of_mixed_sizes_is_made(layout: str, shown: int, run: Path, tmp_path: Path) -> None:
    """Of all test images, if they are fewer than usual."""
    flags = ["--n-steps-per-stage", "2", "--format", "gif", "--annotations", "--device", "cpu"]
    main(["evaluate", str(run / "model-steps-3"), *flags, *layout.split(), "--output-dir", str(tmp_path)])
    (video,) = tmp_path.glob(f"*_digits-{shown}_*.gif")
    with Image.open(video) as image:
        assert getattr(image, "n_frames", 1) == 5


def test_the_page_has_their_names(run: Path, tmp_path: Path) -> None:
    main(["export", str(run / "model-steps-3"), str(tmp_path / "page.html")])
    html = (tmp_path / "page.html").read_text()
    data = json.loads(html.partition('id="data">')[2].partition("</script>")[0])
    assert data["sizes"]["names"] == list(CLASSES)
    assert data["sizes"]["imageSide"] == data["samples"]["side"] <= 31
    assert sorted(set(data["samples"]["labels"])) == [0, 1, 2]


def test_classes_that_the_automaton_does_not_know_are_refused(
    run: Path, shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(run / "model-steps-3"), "--dataset", "mnist", "--format", "gif"]
    line = error_line(arguments, 1, capsys)
    assert line == (
        "the data set has the class '0', which the automaton was not trained on; it knows circle, cross, "
        "square"
    )


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ([], 1, "give --invert if their ink is dark on white paper"),
        (["--invert", "--written-share", "0.5"], 2, "--written-share 0.5 writes digits"),
        (["--invert", "--start-from", "checkpoints/drawn"], 2, "it has --communication-channels 9"),
    ],
)
def test_what_does_not_fit_such_images_is_refused(
    flags: list[str],
    code: int,
    message: str,
    shapes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["train", *SMALL, "--dataset", str(shapes), *flags, "--output-dir", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == code
    line = capsys.readouterr().err.splitlines()[-1]
    assert message in line


def test_photographs_need_an_automaton_for_digits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["classify", "docs/photograph.jpg", "--checkpoint", str(run / "model-steps-3")]
    line = error_line(arguments, 1, capsys)
    assert line == f"{run / 'model-steps-3'} reads circle, cross, square: ca classify needs the digits 0 to 9"


def test_blank_images_are_counted_and_large_ones_need_memory(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(shapes, tmp_path / "set")
    for number in range(6):  # some of them are for training
        Image.new("L", (20, 20), 255).save(folder / "cross" / f"blank{number}.png")
    flags = ["--dataset", str(folder), "--invert", "--output-dir", str(tmp_path / "run"), "--steps", "1"]
    main(["train", *SMALL, *flags])
    told = capsys.readouterr().err
    assert "training images have no alive cell: no grey value is above 0.1 of full ink" in told
    assert (tmp_path / "run" / "batches" / "step-000000.png").exists()
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 1.0001e9)
    flags[-3] = str(tmp_path / "other")
    line = error_line(["train", *SMALL, *flags, "--pool-size", "100"], 2, capsys).splitlines()[-1]
    assert line.startswith("this needs about 1 GB of memory, there are 1: lower --pool-size 100")


def test_a_board_has_room_for_images_of_any_size(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(10):
            draw(name, 60, number).save(folder / name / f"{number}.png")
    flags = [
        "--dataset",
        str(folder),
        "--invert",
        "--layout",
        "board",
        "--batch-size",
        "6",
        "--format",
        "gif",
    ]
    flags += ["--n-stages", "1", "--n-steps-per-stage", "2", "--device", "cpu"]
    main(["evaluate", str(run / "model-steps-3"), *flags, "--output-dir", str(tmp_path / "videos")])
    (video,) = (tmp_path / "videos").glob("*board-162*.gif")
    assert video.stat().st_size > 0


def test_an_automaton_of_other_classes_is_not_trained_on_them() -> None:
    images = np.zeros((4, 28, 28), dtype=np.uint8)
    images[:, 4:24, 12:16] = 255
    digits = ca.make_digits(images, np.array([0, 1, 2, 0]), names=CLASSES)
    with pytest.raises(
        ValueError, match=r"^the automaton has 10 classes, and the digits have 3: circle, cross"
    ):
        ca.train_automaton(ca.CellularAutomaton(), steps=1, digits=digits, progress=False)
    trained = ca.train_automaton(steps=1, digits=digits, ticks=(1, 2), progress=False)
    assert trained.architecture.classes == 3


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("evaluate CHECKPOINT --format gif --n-steps-per-stage 3", "--n-steps-per-stage 3 or --zoom-scale 3"),
        ("report CHECKPOINT --n-digits 6 --n-steps-per-stage 3", "--n-digits 6 or --n-steps-per-stage 3"),
    ],
)
def test_memory_is_that_of_the_images(
    command: str,
    advice: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Known when they are read, not before."""
    monkeypatch.setattr("ca.cli.refuse_impossible", lambda settings: None)
    monkeypatch.setattr("ca.settings.limits.available_memory", lambda: 400.0)
    words = [str(run / "model-steps-3") if word == "CHECKPOINT" else word for word in command.split()]
    with pytest.raises(SystemExit) as caught:
        main([*words, "--device", "cpu", "--output-dir", str(tmp_path)])
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"lower {advice}")
    assert not list(tmp_path.iterdir())
