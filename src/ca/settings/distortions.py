"""The ranges from which the distortion of a digit is drawn."""

import math
from dataclasses import dataclass

Range = tuple[float, float]  # least and most

LIMITS: dict[str, Range] = {
    "rotation": (-180, 180),
    "scale": (0.1, 10),
    "shear": (-1, 1),
    "aspect": (0.1, 10),
    "elastic": (0, 10),
    "stroke": (-2, 2),
    "blur": (0, 10),
    "contrast": (0, 1),
    "cuts": (0, 100),
    "specks": (0, 100),
}


@dataclass(frozen=True, kw_only=True)
class Distortions:
    """Least and most of each distortion; the amount is drawn for each digit. The defaults change nothing.

    A pixel is one of the image before it is scaled, a cell one of the board after it.

    Attributes:
        rotation: degrees, anticlockwise
        scale: factor of the size, drawn log-uniformly
        shear: how far the top moves to the right, as a share of the height
        aspect: factor of width by height at the same area, drawn log-uniformly
        elastic: root mean square, in pixels, of a random displacement that is smooth over 4 pixels
            (Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks", 2003)
        stroke: pixels that are added to the width of strokes, or taken away from it
        blur: standard deviation of a Gaussian blur, in cells
        contrast: factor of the grey values
        cuts: thin straight lines across the digit that are erased; a fraction is the chance of one more
        specks: single cells of ink; a fraction is the chance of one more
        share: of the digits that are distorted; the others are left as they are
        chance: of each distortion to be applied to one of these

    Raises:
        ValueError: a range is empty, or beyond `LIMITS`, or `share` or `chance` is not from 0 to 1
    """

    rotation: Range = (0, 0)
    scale: Range = (1, 1)
    shear: Range = (0, 0)
    aspect: Range = (1, 1)
    elastic: Range = (0, 0)
    stroke: Range = (0, 0)
    blur: Range = (0, 0)
    contrast: Range = (1, 1)
    cuts: Range = (0, 0)
    specks: Range = (0, 0)
    share: float = 1
    chance: float = 1

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            least, most = getattr(self, name)
            if not (low <= least <= most <= high and math.isfinite(least)):
                raise ValueError(
                    f"{name} must be two numbers from {low:g} to {high:g}, the lower first, "
                    f"not {least} and {most}"
                )
        for name in ("share", "chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)}")


UNCHANGED = Distortions()
# Cells that no chain of neighbours joins can't agree, so cuts and specks are rare.
AUGMENTATION = Distortions(
    rotation=(-35, 35),
    scale=(0.5, 2.2),
    shear=(-0.3, 0.3),
    aspect=(0.75, 1.33),
    elastic=(0, 1.5),
    stroke=(-1, 1.5),
    blur=(0, 1),
    contrast=(0.25, 1),
    cuts=(0, 0.1),
    specks=(0, 0.2),
    share=0.65,
    chance=0.45,
)
