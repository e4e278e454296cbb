"""A short video of a few digits, for programs that show training runs."""

from pathlib import Path

import torch

from ca.data.digits import Digits
from ca.evaluate.drawing import draw_frame
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Mosaic
from ca.evaluate.recording import record
from ca.evaluate.video import write_video
from ca.evaluate.views import ClassView
from ca.model import CellularAutomaton
from ca.render.palette import palette_of
from ca.render.pictures import mosaic_shape
from ca.settings.choices import DEFAULT_COLOURS

DIGITS = 16
TICKS = 60
ZOOM = 3  # pixels along the side of a cell
FPS = 15.0


def write_clip(path: Path, automaton: CellularAutomaton, digits: Digits, generator: torch.Generator) -> None:
    """Write a GIF of up to 16 of the digits, from zero state through 60 ticks.

    Args:
        digits: at least one, on the automaton's device
        generator: on the same device; draws the digits, fire masks and noise

    Raises:
        FailedError: the file can't be written
    """
    architecture, number = automaton.architecture, min(DIGITS, len(digits))
    view = ClassView(
        architecture,
        palette_of(DEFAULT_COLOURS, architecture.classes),
        ZOOM,
        annotated=False,
        shaded=False,
        names=digits.names,
    )
    layout = Mosaic(
        num_digits=number,
        picture_size=view.size(*digits.images.shape[1:]),
        columns=mosaic_shape(number)[1],
        captions=False,
    )
    style = FrameStyle(
        picture_size=layout.size, view=view, ticks=TICKS, stage_starts=(0,), slider=True, heading=False
    )
    moments = record(automaton, digits, layout, stages=1, ticks=TICKS, generator=generator)
    write_video(
        path,
        (draw_frame(moment, architecture, view, layout, style, digits.names) for moment in moments),
        FPS,
        view.colours,
    )
