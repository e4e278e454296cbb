"""Colours of the classes, and of letters and lines."""

import numpy as np
from numpy.typing import NDArray

from ca.settings.choices import Colours

Palette = NDArray[np.uint8]  # (classes + 2, 3) RGB: classes, undecided, dead; see `ca.cells.colour_indices`

CLASS_COLOURS: dict[Colours, str] = {
    # Any two classes look different to normal, deutan, protan and tritan eyes (CIEDE2000 of 18 or more).
    "distinct": "536c58 fe3687 3d00f3 9aff7e 9e9e07 b50502 11a8a1 ecafff 8472ff 92006d",
    # M. Petroff, "Accessible color sequences for data visualization", 2021
    "petroff": "3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd",
    # article, figure legends
    "article": "800000 e6194b 46f0f0 d2f53c fabebe aa6e28 aaffc3 a5a39f 008080 808000",
}
UNDECIDED_COLOUR, DEAD_COLOUR = "000000", "ffffff"
INK, PALE_INK = (40, 40, 40), (120, 120, 120)  # of letters and lines


def palette_of(colours: Colours, classes: int) -> Palette:
    """The palette of so many classes: (classes + 2, 3) uint8 RGB.

    More than ten classes have colours of colorcet, the same for all `colours`: each is as far as can be from
    those before it, and from black and white (Glasbey et al., 2007).
    """
    chosen = CLASS_COLOURS[colours].split()
    if classes > len(chosen):
        from colorcet import b_glasbey_bw_minc_20

        chosen = [str(colour).removeprefix("#") for colour in b_glasbey_bw_minc_20]
    every = [*chosen[:classes], UNDECIDED_COLOUR, DEAD_COLOUR]
    return np.array([tuple(bytes.fromhex(colour)) for colour in every], dtype=np.uint8)


def classes_of(palette: Palette) -> int:
    """The number of a palette's classes."""
    return len(palette) - 2


def ink_on(colour: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Black or white, whichever has more contrast with an RGB colour (WCAG 2.2, "contrast ratio")."""
    share = colour / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else (255, 255, 255)
