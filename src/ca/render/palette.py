"""Colours: of the classes, and of letters and lines."""

import numpy as np

PALETTE = np.array(
    [  # article, figure legends: classes 0-9, then alive with no positive output, then dead
        (128, 0, 0), (230, 25, 75), (70, 240, 240), (210, 245, 60), (250, 190, 190),
        (170, 110, 40), (170, 255, 195), (165, 163, 159), (0, 128, 128), (128, 128, 0),
        (0, 0, 0), (255, 255, 255),
    ],
    dtype=np.uint8,
)  # fmt: skip
INK, PALE_INK = (40, 40, 40), (120, 120, 120)  # of letters and lines


def ink_on(index: int) -> tuple[int, int, int]:
    """Black or white, whichever can be read on a palette colour (luma of ITU-R BT.601)."""
    luma = PALETTE[index] @ np.array([0.299, 0.587, 0.114])
    return (0, 0, 0) if luma > 128 else (255, 255, 255)
