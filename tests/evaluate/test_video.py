"""Videos, decoded by another library than the one that wrote them."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support.helpers import shell_program, told_in_child
from support.sizes import ARTICLE

from ca.cells import colour_indices
from ca.evaluate.frame import FrameStyle
from ca.evaluate.video import find_ffmpeg, write_video
from ca.evaluate.views import ClassView
from ca.render.palette import palette_of
from ca.render.pictures import Picture, cell_tiles, paint
from ca.system.errors import FailedError

PALETTE = palette_of("distinct", 10)


def pictures(count: int, zoom: int = 8) -> list[Picture]:
    """Frames of 6 x 8 cells with random colours of the palette."""
    rng = np.random.default_rng(1)
    tiles = cell_tiles(PALETTE, zoom, annotated=False)
    return [paint(rng.integers(0, 12, (6, 8), dtype=np.uint8), tiles) for _ in range(count)]


@pytest.mark.parametrize("fps", [1.0, 3.0, 23.976, 60.0, 240.0])
def test_mp4_is_what_browsers_play_and_holds_every_frame(tmp_path: Path, fps: float) -> None:
    frames = pictures(7)
    write_video(tmp_path / "v.mp4", iter(frames), fps, PALETTE)
    with av.open(tmp_path / "v.mp4") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert float(stream.average_rate or 0) == pytest.approx(fps, rel=1e-3)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == 7
    for seen, drawn in zip(decoded, frames, strict=True):
        assert seen.shape == drawn.shape
        centres = (slice(4, None, 8), slice(4, None, 8))
        differences = np.abs(seen[centres].astype(int) - drawn[centres])
        assert differences.max() <= 24
        assert differences.mean() <= 4


def test_gif_holds_every_frame_in_exact_colours(tmp_path: Path) -> None:
    frames = pictures(9)
    write_video(tmp_path / "v.gif", iter(frames), 30.0, PALETTE)
    with Image.open(tmp_path / "v.gif") as image:
        durations = []
        for number, drawn in enumerate(frames):
            image.seek(number)
            durations.append(image.info["duration"])
            assert (np.asarray(image.convert("RGB")) == drawn).all()
        assert image.info["loop"] == 0
    assert len(durations) == 9
    assert sum(durations) == 300


@pytest.mark.parametrize(("fps", "seconds"), [(3.0, 4.0), (24.0, 0.5), (240.0, 0.24)])
def test_gif_keeps_time_as_far_as_browsers_can(tmp_path: Path, fps: float, seconds: float) -> None:
    write_video(tmp_path / "v.gif", iter(pictures(12, zoom=2)), fps, PALETTE)
    with Image.open(tmp_path / "v.gif") as image:
        total = 0
        for number in range(12):
            image.seek(number)
            total += image.info["duration"]
    assert total == pytest.approx(1000 * seconds, abs=5)


def test_failing_ffmpeg_leaves_the_earlier_video_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.mp4"
    path.write_text("earlier")
    for ffmpeg in ("/no/such/ffmpeg", "/bin/false"):
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", ffmpeg)
        with pytest.raises(FailedError, match=r"^can't write .*v\.mp4: ") as caught:
            write_video(path, iter(pictures(300)), 30.0, PALETTE)
        assert "\n" not in str(caught.value)
        assert path.read_text() == "earlier"
        assert [child.name for child in tmp_path.iterdir()] == ["v.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_full_disk_leaves_the_earlier_video_and_says_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    path.write_text("earlier")

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
        with pytest.raises(FailedError, match=rf"^can't write .*v{suffix}: "):
            write_video(path, iter(pictures(300)), 30.0, PALETTE)

    code, told = told_in_child(work)
    assert code == 0, told
    assert path.read_text() == "earlier"
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_no_frames_are_no_video(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FailedError, match=r"^can't write .* frames"):
        write_video(tmp_path / f"v{suffix}", iter([]), 30.0, PALETTE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("side", [27, 28, 29, 30])
def test_pictures_of_odd_size_are_framed_to_even_and_never_scaled(tmp_path: Path, side: int) -> None:
    view = ClassView(ARTICLE, PALETTE, side, annotated=False, shaded=False)
    style = FrameStyle(
        picture_size=(side, 5 * side), view=view, ticks=1, stage_starts=(0,), slider=True, heading=False
    )
    cells = torch.zeros(1, 20, 1, 5)
    cells[0, 0] = 1
    cells[0, 10:15, 0].fill_diagonal_(1)
    frame = style.frame(view.paint(cells, colour_indices(cells, ARTICLE))[0], 0, "")
    write_video(tmp_path / "v.mp4", iter([frame] * 2), 30.0, PALETTE)
    with av.open(tmp_path / "v.mp4") as container:
        seen = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)][1]
    assert seen.shape == frame.shape == (*style.size, 3)
    assert not any(length % 2 for length in style.size)
    assert np.abs(seen.astype(int) - frame).mean() < 6


def test_palette_survives_the_gif_palette(tmp_path: Path) -> None:
    picture = PALETTE[None].repeat(2, 0)
    write_video(tmp_path / "v.gif", iter([picture]), 10.0, PALETTE)
    with Image.open(tmp_path / "v.gif") as image:
        assert (np.asarray(image.convert("RGB")) == picture).all()


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_defect_in_drawing_is_not_reported_as_a_failure_of_the_disk(tmp_path: Path, suffix: str) -> None:
    def broken() -> Iterator[Picture]:
        yield from pictures(2)
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        write_video(tmp_path / f"v{suffix}", broken(), 30.0, PALETTE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo ' V....D mpeg4  MPEG-4'", "ffmpeg {path} has no encoder libx264"),
        ("exit 3", "ffmpeg {path} does not work: it ended with exit code 3"),
        ("sleep 300", "ffmpeg {path} does not work: {path} did not end within 0.5 seconds"),
        ("sleep 300 & exit 0", "ffmpeg {path} does not work: {path} did not end within 0.5 seconds"),
        ("printf '\\351\\n'", "ffmpeg {path} has no encoder libx264"),
    ],
)
def test_an_ffmpeg_that_does_not_work_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, line: str
) -> None:
    path = shell_program(tmp_path / "ffmpeg", script)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", path)
    monkeypatch.setattr("ca.evaluate.video.START_LIMIT", 0.5)
    with pytest.raises(FailedError) as caught:
        find_ffmpeg()
    assert str(caught.value) == line.format(path=path) + "; --format gif does without it"


@pytest.mark.parametrize("path", ["/no/such", "/", "/etc/passwd"])
def test_an_ffmpeg_that_can_not_be_started_is_named(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", path)
    with pytest.raises(
        FailedError, match=rf"^ffmpeg {path} does not work: .*; --format gif does without it$"
    ):
        find_ffmpeg()


@pytest.mark.parametrize("error", [RuntimeError("none\nfound"), OSError("x"), ValueError("x"), MemoryError()])
def test_no_ffmpeg_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", fail)
    with pytest.raises(FailedError, match=r"^no ffmpeg that works was found; --format gif does without it$"):
        find_ffmpeg()


def test_a_search_for_ffmpeg_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: time.sleep(3))
    monkeypatch.setattr("ca.evaluate.video.START_LIMIT", 0.1)
    with pytest.raises(FailedError, match=r"^no ffmpeg that works was found"):
        find_ffmpeg()


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("sleep 300", "read nothing for 0.5 seconds"),
        ("cat > /dev/null; sleep 300", "wrote nothing for 0.5 seconds"),
        ("head -c 1000 > /dev/null; exit 1", "ended after "),
        ("cat > /dev/null; exit 1", "wrote 0 of 300 frames"),
        ("cat > /dev/null", "wrote 0 of 300 frames"),
    ],
)
def test_an_ffmpeg_that_hangs_or_fails_in_the_middle_is_ended_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, line: str
) -> None:
    """With the programs that it started, one of which would keep the pipe open."""
    path = shell_program(tmp_path / "ffmpeg", f'[ "$2" = -encoders ] && echo libx264 && exit\n{script}')
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", path)
    monkeypatch.setattr("ca.evaluate.video.STALL_LIMIT", 0.5)
    video = tmp_path / "v.mp4"
    video.write_text("earlier")
    with pytest.raises(FailedError) as caught:
        write_video(video, iter(pictures(300)), 30.0, PALETTE)
    assert str(caught.value).startswith(f"can't write {video}: ffmpeg {path} {line}")
    assert str(caught.value).endswith("; --format gif does without it")
    assert sorted(child.name for child in tmp_path.iterdir()) == ["ffmpeg", "v.mp4"]
    assert video.read_text() == "earlier"


def test_an_interrupt_ends_ffmpeg(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Picture]:
        yield from pictures(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "v.mp4", interrupted(), 30.0, PALETTE)
    assert list(tmp_path.iterdir()) == []
