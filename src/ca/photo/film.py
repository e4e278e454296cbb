"""A video of the cells of an image's digits while they agree."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from ca.architecture import Architecture
from ca.cells import colour_indices
from ca.evaluate.captions import majorities
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Mosaic
from ca.evaluate.video import write_video
from ca.evaluate.views import ClassView
from ca.photo.digits import Found
from ca.render.palette import palette_of
from ca.render.pictures import Picture
from ca.settings.choices import DEFAULT_COLOURS
from ca.settings.limits import MAX_SIDE
from ca.sizes import DIGIT_NAMES, IMAGE_SIDE
from ca.system.errors import FailedError

WIDTH, MAX_COLUMNS, MAX_ZOOM = 900, 12, 16  # pixels, digits, pixels along a cell
FPS = 15


def write_film(
    path: Path, grids: Iterable[Tensor], architecture: Architecture, found: list[Found], ticks: int
) -> None:
    """Write a video of digits side by side in reading order, a frame for each tick.

    Args:
        grids: (digits, channels, height, width) after each tick

    Raises:
        FailedError: it can't be written, or there are too many digits
    """
    lines = [digit.line for digit in found]
    columns = min(MAX_COLUMNS, max(lines.count(line) for line in set(lines)))
    zoom = max(2, min(MAX_ZOOM, WIDTH // (IMAGE_SIDE * columns)))
    palette = palette_of(DEFAULT_COLOURS, architecture.classes)
    view = ClassView(architecture, palette, zoom, annotated=False, shaded=False)
    size = view.size(IMAGE_SIDE, IMAGE_SIDE)
    layout = Mosaic(num_digits=len(found), picture_size=size, columns=columns, captions=True)
    style = FrameStyle(
        picture_size=layout.size, view=view, ticks=ticks, stage_starts=(0,), slider=True, heading=True
    )
    if max(style.size) > MAX_SIDE:
        raise FailedError(f"can't write {path}: {len(found)} digits are too many for a video")
    owner = np.arange(len(found))[:, None, None].repeat(IMAGE_SIDE, 1).repeat(IMAGE_SIDE, 2)

    def frames() -> Iterator[Picture]:
        for tick, grid in enumerate(grids, start=1):
            indices = colour_indices(grid, architecture)
            captions = majorities(indices, owner, len(found), DIGIT_NAMES)
            picture = layout.compose(view.paint(grid, indices), captions)
            yield style.frame(picture, tick, "above each digit  majority (share of cells)")

    write_video(path, frames(), FPS, view.colours)
