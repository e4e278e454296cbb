"""Colours: of the classes, and of letters and lines."""

import numpy as np
from numpy.typing import NDArray

from ca.settings.choices import Colours

Palette = NDArray[np.uint8]  # (12, 3) RGB: classes 0-9, alive with no positive output, dead

CLASS_COLOURS: dict[Colours, str] = {
    # Any two classes look different to normal, deutan, protan and tritan eyes (CIEDE2000 of 18 or more).
    "distinct": "536c58 fe3687 3d00f3 9aff7e 9e9e07 b50502 11a8a1 ecafff 8472ff 92006d",
    # M. Petroff, "Accessible color sequences for data visualization", 2021
    "petroff": "3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd",
    # article, figure legends
    "article": "800000 e6194b 46f0f0 d2f53c fabebe aa6e28 aaffc3 a5a39f 008080 808000",
}
UNDECIDED_COLOUR, DEAD_COLOUR = "000000", "ffffff"


def palette_of(colours: Colours) -> Palette:
    """The colours of a choice: (12, 3) uint8 RGB."""
    every = f"{CLASS_COLOURS[colours]} {UNDECIDED_COLOUR} {DEAD_COLOUR}"
    return np.array([tuple(bytes.fromhex(colour)) for colour in every.split()], dtype=np.uint8)


PALETTE = palette_of("article")
INK, PALE_INK = (40, 40, 40), (120, 120, 120)  # of letters and lines


def ink_on(index: int) -> tuple[int, int, int]:
    """Black or white, whichever can be read on a palette colour (luma of ITU-R BT.601)."""
    luma = PALETTE[index] @ np.array([0.299, 0.587, 0.114])
    return (0, 0, 0) if luma > 128 else (255, 255, 255)
