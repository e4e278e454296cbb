"""Ways of drawing the ten digits, made of elliptical arcs, straight lines and Bezier curves.

The digits that automata are checked on. They have nothing in common with the written digits that automata are
trained on (`ca.data.forms`) but the brush: to read these is to read another person's hand.

A digit stands in a box of height 1: x to the right, y down from 0 to 1. Angles are in degrees from the right,
clockwise: 90 is the bottom of an ellipse, -90 its top.
"""

from typing import NamedTuple


class Arc(NamedTuple):
    """A part of an ellipse, drawn from one angle to another; clockwise if the second one is larger."""

    x: float
    y: float
    x_radius: float
    y_radius: float
    start: float
    end: float


class Curve(NamedTuple):
    """A cubic Bezier curve: where it begins, two control points, where it ends."""

    x0: float
    y0: float
    x1: float
    y1: float
    x2: float
    y2: float
    x3: float
    y3: float


Piece = Arc | Curve
Stroke = tuple[Piece, ...]  # drawn without lifting the pen; a piece begins where the one before it ends


class Way(NamedTuple):
    """One way of drawing a digit.

    Attributes:
        brush: width of the widest brush with which people can read it, as a share of the digit's height
    """

    digit: int
    name: str
    strokes: tuple[Stroke, ...]
    brush: float = 0.25


def line(x0: float, y0: float, x1: float, y1: float) -> Curve:
    """A straight line, as a curve that is straight until a hand bends it."""
    dx, dy = (x1 - x0) / 3, (y1 - y0) / 3
    return Curve(x0, y0, x0 + dx, y0 + dy, x1 - dx, y1 - dy, x1, y1)


SMALL_LOOPS, NARROW, CROWDED = 0.2, 0.17, 0.1  # widest brushes, as shares of the height
_OVAL = Arc(0.32, 0.5, 0.32, 0.5, -80, -440)
_STEM = line(0.3, 0, 0.3, 1)
_FOOT = line(0.05, 1, 0.55, 1)
_TOP_OF_TWO = Arc(0.28, 0.27, 0.27, 0.27, -165, 30)
_BELLY = Arc(0.25, 0.68, 0.31, 0.32, -125, 150)  # of a 5
_LOOP = Arc(0.3, 0.7, 0.28, 0.3, 180, -180)  # of a 6, from its left down and around
_SEVEN = (line(0, 0, 0.58, 0), line(0.58, 0, 0.2, 1))
_SERIF = line(0, 0.2, 0, 0)
_CROSSING = line(0.1, 0.5, 0.62, 0.47)
_BOWL = Arc(0.3, 0.28, 0.28, 0.28, -30, -385)  # of a 9, from its right up and around

WAYS = (
    Way(0, "round", ((Arc(0.42, 0.5, 0.42, 0.5, -70, -430),),)),
    Way(0, "oval", ((_OVAL,),)),
    Way(0, "narrow", ((Arc(0.2, 0.5, 0.2, 0.5, -60, 300),),), NARROW),
    Way(0, "in two halves", ((Arc(0.3, 0.5, 0.3, 0.5, -90, -270),), (Arc(0.3, 0.5, 0.3, 0.5, -90, 90),))),
    Way(0, "with a curl at the top", ((_OVAL, Curve(0.37, 0, 0.2, 0.02, 0.2, 0.22, 0.42, 0.16)),)),
    Way(0, "slashed", ((_OVAL,), (line(0.58, 0.1, 0.06, 0.9),)), CROWDED),
    Way(0, "slashed beyond the rim", ((_OVAL,), (line(0.74, -0.04, -0.1, 1.04),)), CROWDED),
    Way(1, "plain", ((_STEM,),)),
    Way(1, "short flag", ((line(0.12, 0.2, 0.3, 0), _STEM),)),
    Way(1, "long flag", ((line(-0.12, 0.42, 0.3, 0), _STEM),)),
    Way(1, "curved flag", ((Curve(0, 0.3, 0.12, 0.28, 0.26, 0.16, 0.3, 0), _STEM),)),
    Way(1, "flag and foot", ((line(0.1, 0.22, 0.3, 0), _STEM), (_FOOT,))),
    Way(1, "long flag and foot", ((line(-0.05, 0.36, 0.3, 0), _STEM), (_FOOT,))),
    Way(2, "flat base", ((_TOP_OF_TWO, line(0.51, 0.4, 0.02, 1), line(0.02, 1, 0.6, 1)),)),
    Way(2, "wavy base", ((
        _TOP_OF_TWO, line(0.51, 0.4, 0, 0.97), Curve(0, 0.97, 0.2, 0.82, 0.35, 1.08, 0.65, 0.92),
    ),)),
    Way(2, "loop at the base", ((
        _TOP_OF_TWO,
        Curve(0.51, 0.4, 0.4, 0.62, 0.25, 0.98, 0.1, 0.98),
        Arc(0.1, 0.89, 0.09, 0.09, 90, 280),
        Curve(0.12, 0.8, 0.3, 0.8, 0.4, 1.04, 0.65, 0.94),
    ),)),
    Way(2, "swan's neck", ((
        Arc(0.26, 0.24, 0.26, 0.24, -180, 20),
        Curve(0.5, 0.32, 0.45, 0.6, 0.02, 0.65, 0.02, 1),
        line(0.02, 1, 0.58, 1),
    ),)),
    Way(2, "pointed", ((line(0, 0.05, 0.62, 0.02), line(0.62, 0.02, -0.04, 1), line(-0.04, 1, 0.58, 1)),)),
    Way(3, "round", ((Arc(0.25, 0.25, 0.26, 0.25, -160, 90), Arc(0.25, 0.74, 0.3, 0.26, -90, 160)),)),
    Way(3, "flat top", ((
        line(0.03, 0, 0.53, 0), line(0.53, 0, 0.22, 0.4), Arc(0.22, 0.7, 0.33, 0.3, -90, 150),
    ),)),
    Way(3, "loop in the middle", ((
        Arc(0.26, 0.25, 0.26, 0.25, -160, 70),
        Arc(0.27, 0.48, 0.07, 0.06, 60, 290),
        Arc(0.25, 0.73, 0.3, 0.27, -85, 160),
    ),), SMALL_LOOPS),
    Way(3, "small top", ((Arc(0.28, 0.19, 0.2, 0.19, -170, 95), Arc(0.24, 0.69, 0.34, 0.31, -95, 165)),)),
    Way(3, "pointed", ((
        Arc(0.24, 0.24, 0.28, 0.24, -160, 50),
        line(0.42, 0.42, 0.18, 0.47),
        Arc(0.2, 0.72, 0.34, 0.27, -80, 150),
    ),)),
    Way(4, "open", ((line(0.08, 0, 0.04, 0.56), line(0.04, 0.56, 0.62, 0.56)), (line(0.5, 0.02, 0.47, 1),))),
    Way(4, "open, curved", (
        (Curve(0.1, 0, 0, 0.45, 0, 0.58, 0.2, 0.56), Curve(0.2, 0.56, 0.34, 0.55, 0.42, 0.54, 0.52, 0.5)),
        (line(0.52, 0.04, 0.48, 1),),
    )),
    Way(4, "open, short stem", (
        (line(0.42, 0, 0, 0.68), line(0, 0.68, 0.68, 0.66)), (line(0.46, 0.38, 0.42, 1),),
    )),
    Way(4, "closed", ((line(0.46, 0, 0, 0.68), line(0, 0.68, 0.66, 0.68)), (line(0.46, 0, 0.46, 1),))),
    Way(4, "closed, in one stroke", ((
        line(0.62, 0.66, 0, 0.66), line(0, 0.66, 0.44, 0), line(0.44, 0, 0.42, 1),
    ),)),
    Way(5, "in one stroke", ((line(0.55, 0, 0.1, 0), line(0.1, 0, 0.06, 0.43), _BELLY),)),
    Way(5, "in two strokes", ((line(0.1, 0, 0.06, 0.43), _BELLY), (line(0.1, 0, 0.58, 0),))),
    Way(5, "bar apart", ((line(0.1, 0.06, 0.06, 0.43), _BELLY), (line(0.18, 0, 0.6, -0.02),))),
    Way(5, "rounded", ((
        Curve(0.55, 0, 0.3, -0.02, 0.16, 0.02, 0.12, 0.2),
        Curve(0.12, 0.2, 0.09, 0.34, 0.06, 0.42, 0.12, 0.42),
        _BELLY,
    ),)),
    Way(5, "pointed belly", ((
        line(0.52, 0, 0.08, 0),
        line(0.08, 0, 0.05, 0.42),
        line(0.05, 0.42, 0.4, 0.44),
        Arc(0.24, 0.71, 0.3, 0.29, -60, 150),
    ),)),
    Way(6, "curved", ((Curve(0.5, 0, 0.2, 0.1, 0.02, 0.42, 0.02, 0.7), _LOOP),)),
    Way(6, "straight", ((line(0.42, 0, 0.05, 0.58), _LOOP),)),
    Way(6, "hooked", ((Arc(0.36, 0.3, 0.32, 0.3, -30, -180), line(0.04, 0.3, 0.02, 0.7), _LOOP),), NARROW),
    Way(6, "open loop", ((
        Curve(0.46, 0, 0.16, 0.14, 0, 0.42, 0.01, 0.7), Arc(0.29, 0.7, 0.28, 0.3, 180, -130),
    ),)),
    Way(7, "plain", (_SEVEN,)),
    Way(7, "crossed", (_SEVEN, (_CROSSING,))),
    Way(7, "serif", ((_SERIF, *_SEVEN),)),
    Way(7, "serif and crossed", ((_SERIF, *_SEVEN), (_CROSSING,)), CROWDED),
    Way(7, "curved", ((line(0, 0.02, 0.58, 0), Curve(0.58, 0, 0.38, 0.3, 0.24, 0.6, 0.24, 1)),)),
    Way(7, "wavy bar", ((Curve(-0.06, 0.07, 0.12, -0.1, 0.32, 0.12, 0.6, 0), line(0.6, 0, 0.22, 1)),)),
    Way(8, "two circles", ((Arc(0.3, 0.24, 0.24, 0.24, 90, -270),), (Arc(0.3, 0.74, 0.3, 0.26, -90, 270),))),
    Way(8, "as an S and back", ((
        Arc(0.3, 0.24, 0.24, 0.24, -30, -230),
        Curve(0.15, 0.42, 0.3, 0.52, 0.58, 0.55, 0.58, 0.75),
        Arc(0.3, 0.75, 0.28, 0.25, 0, 180),
        Curve(0.02, 0.75, 0.02, 0.56, 0.45, 0.42, 0.51, 0.12),
    ),), SMALL_LOOPS),
    Way(8, "open at the top", ((
        Arc(0.28, 0.22, 0.24, 0.22, -55, -230),
        Curve(0.13, 0.4, 0.3, 0.52, 0.54, 0.58, 0.54, 0.77),
        Arc(0.28, 0.77, 0.26, 0.23, 0, 180),
        Curve(0.02, 0.77, 0.02, 0.56, 0.5, 0.42, 0.58, 0.08),
    ),), SMALL_LOOPS),
    Way(8, "straight crossing", ((
        Arc(0.29, 0.2, 0.25, 0.2, 0, -180),
        line(0.04, 0.22, 0.56, 0.78),
        Arc(0.29, 0.8, 0.27, 0.2, 0, 180),
        line(0.02, 0.78, 0.54, 0.2),
    ),), SMALL_LOOPS),
    Way(9, "straight tail", ((_BOWL, line(0.56, 0.16, 0.52, 1)),)),
    Way(9, "slanted tail", ((_BOWL, line(0.56, 0.16, 0.37, 1)),)),
    Way(9, "curved tail", ((_BOWL, Curve(0.57, 0.2, 0.6, 0.6, 0.5, 0.95, 0.1, 1)),)),
    Way(9, "hooked tail", ((
        _BOWL, line(0.57, 0.16, 0.55, 0.75), Arc(0.29, 0.75, 0.26, 0.25, 0, 140),
    ),), SMALL_LOOPS),
    Way(9, "open bowl", ((Arc(0.3, 0.27, 0.28, 0.27, -28, -345), line(0.58, 0.14, 0.52, 1)),)),
    Way(9, "in two strokes", ((Arc(0.28, 0.28, 0.28, 0.28, -45, -400),), (line(0.54, 0.02, 0.52, 1),))),
)  # fmt: skip
