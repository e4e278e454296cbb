"""A moment of a recording as a frame of a video."""

from collections.abc import Sequence

from ca.architecture import Architecture
from ca.cells import colour_indices
from ca.evaluate.captions import majorities
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Layout
from ca.evaluate.recording import Moment
from ca.evaluate.views import View
from ca.render.pictures import Picture


def draw_frame(
    moment: Moment,
    architecture: Architecture,
    view: View,
    layout: Layout,
    style: FrameStyle,
    names: Sequence[str],
) -> Picture:
    """The frame of a moment, with captions and a note if the style has a heading: (height, width, 3)."""
    indices = colour_indices(moment.grid, architecture)
    captions, note = [], ""
    if style.heading:
        labels = [names[label] for label in moment.scene.labels.tolist()]
        majority = majorities(indices, moment.scene.owner.cpu().numpy(), len(labels), names)
        captions = [f"{label}: {most}" for label, most in zip(labels, majority, strict=True)]
        if len(labels) == 1:
            note = f"label {labels[0]}    majority {majority[0]}"
        elif layout.letters:
            note = "above each digit  label: majority (share of cells)"
    picture = layout.compose(view.paint(moment.grid, indices), captions)
    return style.frame(picture, moment.tick, note)
