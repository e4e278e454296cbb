"""Where pictures and videos go, and which places are refused before any work."""

import os
from pathlib import Path

import pytest

from ca.photo.outputs import output_paths
from ca.system.errors import FailedError, UsageError

MP4 = (".mp4", ".gif")
ONE = (Path("photo.jpg"),)
TWO = (Path("photo.jpg"), Path("scan.png"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_or_a_folder_with_one_for_each_image() -> None:
    assert output_paths("--video", None, TWO, MP4) == [None, None]
    assert output_paths("--video", Path("new/film.GIF"), ONE, MP4) == [Path("new/film.GIF")]
    names = [Path("films/photo.jpg.mp4"), Path("films/scan.png.mp4")]
    assert output_paths("--video", Path("films"), TWO, MP4) == names
    assert Path("new").is_dir()
    Path("v1.2").mkdir()
    assert output_paths("--video", Path("v1.2"), ONE, MP4) == [Path("v1.2/photo.jpg.mp4")]


@pytest.mark.parametrize(
    ("target", "images", "message"),
    [
        ("film.mp4", TWO, r"--video film\.mp4 is one file for 2 images: name a folder"),
        ("film.avi", ONE, r"--video film\.avi must end in \.mp4 or \.gif, or be a folder"),
        ("films", (Path("a/p.jpg"), Path("b/p.jpg")), r"two images would have the file .*p\.jpg\.mp4"),
        ("photo.gif", (Path("photo.gif"),), r"--video photo\.gif would replace the image photo\.gif"),
        ("link.gif", (Path("photo.gif"),), r"--video link\.gif would replace the image"),
    ],
)
def test_places_that_make_no_sense_are_refused(target: str, images: tuple[Path, ...], message: str) -> None:
    Path("photo.gif").touch()
    os.symlink("photo.gif", "link.gif")
    with pytest.raises(UsageError, match=message):
        output_paths("--video", Path(target), images, MP4)


def test_places_that_can_not_be_written_are_one_line() -> None:
    Path("file").touch()
    Path("films/photo.jpg.mp4").mkdir(parents=True)
    with pytest.raises(FailedError, match=r"can't write file/.*"):
        output_paths("--video", Path("file/films"), ONE, MP4)
    with pytest.raises(FailedError, match="Is a directory"):
        output_paths("--video", Path("films"), ONE, MP4)
