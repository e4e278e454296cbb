"""Writing frames into a video file: MP4 that browsers play, or GIF."""

from collections.abc import Iterable
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ca.render.pictures import Picture
from ca.system.folders import writing
from ca.system.publish import published

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


def _write_mp4(path: Path, frames: Iterable[Picture], fps: float) -> None:
    count = 0
    writer = imageio.get_writer(
        path,
        format="FFMPEG",
        mode="I",
        fps=fps,
        codec="libx264",
        pixelformat="yuv420p",
        quality=None,
        macro_block_size=1,
        output_params=[*X264, *BT709],
    )
    try:
        for frame in frames:
            writer.append_data(frame)
            count += 1
    finally:
        writer.close()
    # The writer does not report a failure of ffmpeg, so count the frames of the file.
    try:
        written, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    except RuntimeError:
        written = 0
    if written != count or count == 0:
        raise OSError(f"ffmpeg wrote {written} of {count} frames; --format gif does without it")


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
