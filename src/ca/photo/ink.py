"""Telling ink from paper, whatever the light, and taking the lines of ruled paper away."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import skeletonize
from skimage.transform import resize

Grey = NDArray[np.float32]  # (height, width), 0 black, 1 white
Mask = NDArray[np.bool_]  # (height, width)
Ink = NDArray[np.float32]  # (height, width), 0 paper, 1 as dark as can be

BACKGROUND_SIDE = 300  # pixels along the image in which the paper is looked for
STROKE_WIDTHS = (3, 5, 9, 15, 25, 45)  # pixels there
WIDER = 4  # times the usual stroke: no part of a digit is wider
WIDEST_STROKE = 0.2  # of the longer side of an image: what is wider is no ink
LEAST_INK = 0.06  # share of the light that ink keeps away
NOISE_FACTOR = 6.0  # ink is so many standard deviations of the noise above it


def find_ink(grey: Grey) -> Ink:
    """How much of the paper's light ink keeps away: (height, width) grey values -> (height, width) in [0, 1].

    The paper is the closing of the image by a square that is wider than its strokes, but no wider than it
    must be, as narrow shadows are closed too. If the ink is brighter than what surrounds it, as on a
    blackboard, the image is inverted before.
    """
    small = _resized(grey, min(BACKGROUND_SIDE, max(grey.shape)))
    if is_bright_on_dark(grey):
        grey, small = 1 - grey, 1 - small
    widest = WIDEST_STROKE * max(small.shape)
    rough = _kept_away(small, _paper(small, widest))
    level = threshold(rough)
    strokes = widest if level is None else WIDER * stroke_width(rough > level)
    paper = _paper(small, min(strokes, widest))
    return _kept_away(grey, resize(paper, grey.shape, order=1, mode="edge", anti_aliasing=False))


def _paper(grey: Grey, width: float) -> Grey:
    """The image without dark parts that are narrower than this."""
    side = 2 * math.ceil(width / 2) + 1
    closed = ndimage.grey_closing(ndimage.gaussian_filter(grey, 0.7), (side, side))
    return ndimage.gaussian_filter(closed, side / 15)


def _kept_away(grey: Grey, light: Grey) -> Ink:
    return (1 - grey / np.maximum(light, 0.05)).clip(0, 1).astype(np.float32)


def is_bright_on_dark(grey: Grey) -> bool:
    """Whether ink is brighter than its background: strokes are narrow, the gaps between them less so.

    Closings fill what is dark, openings what is bright, up to a width. How much more they change when the
    width grows tells how much there is of this width; it counts the less, the wider it is.
    """
    small = _resized(grey, BACKGROUND_SIDE)
    changes = np.array(
        [
            (((ndimage.grey_closing(small, (width, width)) - small) ** 3).sum(),
             ((small - ndimage.grey_opening(small, (width, width))) ** 3).sum())
            for width in STROKE_WIDTHS
        ]
    )  # fmt: skip
    growth = np.diff(changes, axis=0, prepend=0)
    dark, bright = (growth / np.square(STROKE_WIDTHS)[:, None]).sum(0)
    return bool(bright > dark)


def threshold(ink: Ink) -> float | None:
    """The value above which a pixel is ink; None if there is no ink at all."""
    if min(ink.shape) < 2:
        return None
    steps = np.abs(np.diff(ink, axis=0))
    noise = 1.05 * float(np.median(steps))  # standard deviation, were it normal: 1.4826 / sqrt(2)
    paper = float(np.quantile(ink, 0.25))  # a table around it may be darker
    least = max(LEAST_INK, paper + NOISE_FACTOR * noise)
    candidates = ink[ink > least]
    if len(candidates) < 10:
        return None
    return max(least, 0.8 * float(threshold_otsu(np.append(candidates, np.zeros_like(candidates)))))


def stroke_width(mask: Mask) -> float:
    """The usual width of strokes in pixels: twice the distance from their middle line to their edge."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    return 2 * float(np.median(distance[skeletonize(np.pad(mask, 1))]))


def _resized(grey: Grey, side: int) -> Grey:
    """The image with a longer side of so many pixels."""
    factor = max(grey.shape) / side
    size = [max(1, round(side / factor)) for side in grey.shape]
    return resize(grey, size, order=1, anti_aliasing=factor > 1).astype(np.float32)
