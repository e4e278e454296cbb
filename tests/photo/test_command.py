"""`ca classify`: what it prints about photographs, its pictures and videos, and what it refuses."""

import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support.helpers import error_line, random_automaton, saved_automaton
from support.photographs import KINDS, Kind, photograph

from ca.cli import main
from ca.data.load import load_digits

LINE = re.compile(
    r"(\d): (sure|fairly sure|unsure), (agreed at tick \d+|never agreed), "
    r"votes (\d:\d+(?: \d:\d+)*), line (\d), box (\d+)x(\d+)\+(\d+)\+(\d+)"
)


@pytest.fixture
def shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Kind, int], list[int]]:
    """Write a photograph into the working folder; returns the labels of its digits."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, kind: Kind, seed: int) -> list[int]:
        image, labels = photograph(kind, load_digits(), np.random.default_rng(seed), height=50)
        image.convert("RGB").save(name)
        return labels

    return write


Shot = Callable[[str, Kind, int], list[int]]


def test_the_command_reads_a_photograph(shot: Shot, capsys: pytest.CaptureFixture[str]) -> None:
    labels = shot("photo.jpg", KINDS["two lines"], 4)
    main(["classify", "photo.jpg"])
    output, error = capsys.readouterr()
    assert all("compiled kernel" in line for line in error.splitlines())  # without a compiler
    lines = [LINE.fullmatch(line) for line in output.splitlines()]
    assert [int(line[1]) for line in lines if line] == labels
    assert [int(line[5]) for line in lines if line] == 5 * [1] + 4 * [2]
    with Image.open("photo.jpg") as image:
        ink = np.asarray(image.convert("L")) < 100
    for line in lines:
        assert line is not None
        width, height, left, top = (int(part) for part in line.groups()[5:])
        box = ink[top : top + height, left : left + width]
        assert (box.any(0).mean(), box.any(1).mean()) > (0.8, 0.8)


def test_images_are_read_in_turn_and_one_that_fails_stops_none(
    shot: Shot, capfd: pytest.CaptureFixture[str]
) -> None:
    first, last = shot("a.png", KINDS["one digit"], 1), shot("b\n.png", KINDS["blackboard"], 2)
    Image.new("RGB", (60, 60), "white").save("blank.png")
    Path("text.png").write_text("no image")
    with pytest.raises(SystemExit) as caught:
        main(["classify", "a.png", "blank.png", "text.png", "b\n.png", "--ticks", "60"])
    assert caught.value.code == 1
    output, error = capfd.readouterr()
    heads = [line for line in output.splitlines() if not LINE.fullmatch(line)]
    assert heads == ["# a.png", r"# b\n.png"]
    found = [int(line[0]) for line in output.splitlines() if line[0] != "#"]
    assert found == first + last
    assert error.splitlines() == [
        "ca: blank.png: no digits found: there must be ink that differs from the paper",
        "ca: text.png is not an image that ca can read: convert it to PNG, JPEG, TIFF, WEBP, GIF, BMP, PPM",
    ]


def test_an_image_has_the_same_result_alone_and_among_others(
    shot: Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    shot("a.png", KINDS["scan"], 1)
    shot("b.png", KINDS["one digit"], 2)
    main(["classify", "b.png", "--ticks", "15"])
    alone = capsys.readouterr().out
    main(["classify", "a.png", "b.png", "--ticks", "15"])
    assert capsys.readouterr().out.endswith(f"# b.png\n{alone}")
    main(["classify", "b.png", "--ticks", "15", "--seed", "1"])
    assert capsys.readouterr().out != alone


def test_another_checkpoint_gives_another_result(
    shot: Shot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shot("a.png", KINDS["scan"], 1)
    other = saved_automaton(tmp_path / "run", random_automaton(dtype=torch.float32))
    main(["classify", "a.png", "--checkpoint", str(other), "--ticks", "5"])
    changed = capsys.readouterr().out
    main(["classify", "a.png", "--ticks", "5"])
    assert changed != capsys.readouterr().out


@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "films"])
def test_the_video_has_a_frame_for_every_tick(
    name: str, shot: Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    shot("photo.png", Kind(rows=(3,)), 3)
    main(["classify", "photo.png", "--ticks", "4"])
    plain = capsys.readouterr().out
    main(["classify", "photo.png", "--ticks", "4", "--video", name])
    assert capsys.readouterr().out == plain
    with av.open(str(Path(name) / "photo.png.mp4" if name == "films" else name)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 4
    assert (frames[0] != frames[-1]).any()
    height, width, _ = frames[0].shape
    assert width > 3 * 28 * 8 > height  # three digits side by side


def test_the_picture_is_the_photograph_with_marks_at_its_digits(
    shot: Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    shot("photo.png", KINDS["scan"], 3)
    main(["classify", "photo.png", "--ticks", "3", "--picture", "marked.png"])
    boxes = [LINE.fullmatch(line) for line in capsys.readouterr().out.splitlines()]
    with Image.open("photo.png") as before, Image.open("marked.png") as after:
        changed = (np.asarray(before) != np.asarray(after)).any(-1)
    for line in boxes:
        assert line is not None
        width, height, left, top = (int(part) for part in line.groups()[5:])
        assert changed[top - 2 : top + height + 2, left - 1].all()
        assert not changed[top + height // 2, left + 1 : left + width - 1].any()
    assert 0.02 < changed.mean() < 0.3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "an image is missing: name one or several, as in ca classify photo.jpg"),
        (["none.jpg"], 1, "can't read none.jpg: No such file or directory"),
        (["."], 1, "can't read .: Is a directory"),
        (["a.png", "--video", "film.avi"], 2, "--video film.avi must end in .mp4 or .gif, or be a folder"),
        (["a.png", "--picture", "a.png"], 2, "--picture a.png would replace the image a.png: choose another"),
        (["a.png", "--ticks", "0"], 2, "--ticks must be at least 1, not 0"),
        (["a.png", "--ticks", "1e6"], 2, "--ticks must be at most 100000, not 1000000"),
        (["a.png", "--checkpoint", "none"], 1, "there is no checkpoint none"),
        (["a.png", "--device", "nonsense"], 2, "--device nonsense is unknown"),
    ],
)
def test_what_can_not_work_is_one_line(
    arguments: list[str], code: int, message: str, shot: Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (40, 40)).save("a.png")
    assert error_line(["classify", *arguments], code, capsys).startswith(message)
    assert [path.name for path in Path().iterdir()] == ["a.png"]
