"""Writing frames into a video file: MP4 that browsers play, or GIF."""

import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ca.render.pictures import Picture
from ca.system.children import end, ended_after, output_of, start
from ca.system.errors import FailedError
from ca.system.folders import writing
from ca.system.publish import published

START_LIMIT = 10.0  # seconds that ffmpeg may take to list its encoders
STALL_LIMIT = 120.0  # seconds without progress after which ffmpeg is ended
CHUNK = 1 << 20  # bytes that are written to ffmpeg at once
ADVICE = "--format gif does without it"
GIF_MAX_FPS = 50.0  # browsers slow down frames that last less than 0.02 seconds
X264 = ("-crf", "18", "-movflags", "+faststart")
BT709 = (  # recorded in the file, so that every player shows the same colours
    "-vf", "scale=out_color_matrix=bt709:out_range=tv",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
)  # fmt: skip


def write_video(path: Path, frames: Iterable[Picture], fps: float, colours: NDArray[np.uint8]) -> None:
    """Write frames (height, width, 3), uint8 RGB of even size, as MP4 or GIF by the path's suffix.

    The file appears under its name only when it is complete.

    Args:
        colours: (at most 256, 3) the colours of a GIF

    Raises:
        FailedError: the file could not be written, or ffmpeg left out frames
    """
    with writing(path), published(path) as temporary:
        if path.suffix == ".gif":
            _write_gif(temporary, frames, fps, colours)
        else:
            _write_mp4(temporary, frames, fps)


def find_ffmpeg() -> str:
    """The path of an ffmpeg that starts and has the encoder libx264.

    Raises:
        FailedError: there is none
    """
    path = _ffmpeg_path()
    try:
        code, encoders = output_of([path, "-hide_banner", "-encoders"], limit=START_LIMIT)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FailedError(f"ffmpeg {path} does not work: {reason}; {ADVICE}") from error
    if code:
        raise FailedError(f"ffmpeg {path} does not work: it ended with exit code {code}; {ADVICE}")
    if not re.search(r"\blibx264\b", encoders):
        raise FailedError(f"ffmpeg {path} has no encoder libx264; {ADVICE}")
    return path


def _ffmpeg_path() -> str:
    """The ffmpeg that imageio-ffmpeg finds.

    It starts the candidates without a time limit, so it is called in a thread that is not waited for.
    """
    found: list[str] = []

    def find() -> None:
        with suppress(Exception):  # RuntimeError if there is none; what else it raises is not documented
            found.append(imageio_ffmpeg.get_ffmpeg_exe())

    thread = threading.Thread(target=find, daemon=True)
    thread.start()
    thread.join(START_LIMIT)
    if not found:
        raise FailedError(f"no ffmpeg that works was found; {ADVICE}")
    return found[0]


def _write_mp4(path: Path, frames: Iterable[Picture], fps: float) -> None:
    ffmpeg = _ffmpeg_path()
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise OSError("there are no frames")
    height, width, _ = first.shape
    rate = Fraction(fps).limit_denominator()
    command = [
        ffmpeg, "-y", "-f", "rawvideo", "-vcodec", "rawvideo", "-s", f"{width}x{height}",
        "-pix_fmt", "rgb24", "-r", str(rate), "-i", "-", "-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p",
        "-v", "quiet", *X264, *BT709, str(path.absolute()),
    ]  # fmt: skip
    process = start(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        count = _send(process, chain([first], iterator), ffmpeg)
        _wait_for_end(process, path, ffmpeg)
    finally:
        if process.returncode is None:
            end(process)
    written = _frames_in(path, ffmpeg)
    if written != count:  # ffmpeg's exit code does not report every failure
        raise OSError(f"ffmpeg {ffmpeg} wrote {written} of {count} frames; {ADVICE}")


def _send(process: subprocess.Popen[bytes], frames: Iterator[Picture], ffmpeg: str) -> int:
    """Write frames to ffmpeg's standard input and close it; returns the number of frames."""
    pipe = process.stdin
    assert pipe is not None
    count, ended = 0, threading.Event()
    try:
        for frame in frames:
            content = np.ascontiguousarray(frame).data.cast("B")
            while len(content):
                with ended_after(process, STALL_LIMIT) as ended:
                    content = content[pipe.write(content[:CHUNK]) :]
                if ended.is_set():  # a part of the chunk may have been written before
                    raise BrokenPipeError
            count += 1
    except BrokenPipeError as error:
        if ended.is_set():
            raise OSError(f"ffmpeg {ffmpeg} read nothing for {STALL_LIMIT:g} seconds; {ADVICE}") from error
        raise OSError(f"ffmpeg {ffmpeg} ended after {count} frames; {ADVICE}") from error
    finally:
        pipe.close()
    return count


def _wait_for_end(process: subprocess.Popen[bytes], path: Path, ffmpeg: str) -> None:
    """Wait until ffmpeg ends, as long as its file grows.

    Raises:
        OSError: it did not end
    """
    size, since = -1, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            return
        found = path.stat().st_size if path.exists() else -1
        if found != size:
            size, since = found, time.monotonic()
        elif time.monotonic() - since > STALL_LIMIT:
            raise OSError(f"ffmpeg {ffmpeg} wrote nothing for {STALL_LIMIT:g} seconds; {ADVICE}")


def _frames_in(path: Path, ffmpeg: str) -> int:
    """Number of frames in a video file; 0 if it can't be read."""
    command = [ffmpeg, "-i", str(path.absolute()), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"]
    try:
        _, output = output_of(command, limit=STALL_LIMIT)
    except (OSError, ValueError):
        return 0
    counts = re.findall(r"frame=\s*(\d+)", output)
    return int(counts[-1]) if counts else 0


def _write_gif(path: Path, frames: Iterable[Picture], fps: float, colours: NDArray[np.uint8]) -> None:
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours.flatten().tolist())
    images = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    if not images:
        raise OSError("there are no frames")
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=_gif_delays(len(images), fps), loop=0
    )


def _gif_delays(count: int, fps: float) -> list[int]:
    """Milliseconds that each frame lasts: multiples of 10, as GIF requires, and therefore not all equal."""
    ends = [round(100 * (number + 1) / min(fps, GIF_MAX_FPS)) for number in range(count)]
    return [10 * (end - start) for start, end in zip([0, *ends], ends, strict=False)]
