"""Generated photographs of handwriting: digits of MNIST as if written on paper, lit, held and taken badly."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from ca.data.digits import Digits

Grey = NDArray[np.float64]  # (height, width) in [0, 1]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to write and to take a photograph. Lengths are shares of a digit's height.

    Attributes:
        paper, ink, desk: RGB colours; without a desk the paper fills the photograph
        pen: width of the stroke; 0 is MNIST's own
        grain: share of the ink that the grain of the paper keeps away
        lines: "ruled", "squared" or "" for plain paper
        rows: digits in each row
        tilt: degrees by which the page is turned, at most
        perspective: share of a side by which the corners are moved, at most
        shadow: share of the light that is missing at the darkest place
        noise: standard deviation of the sensor's noise
        blur: standard deviation of the lens's blur
        quality: of the JPEG
    """

    paper: tuple[int, int, int] = (248, 246, 240)
    ink: tuple[int, int, int] = (25, 25, 30)
    desk: tuple[int, int, int] | None = None
    pen: float = 0.0
    grain: float = 0.0
    lines: str = ""
    rows: tuple[int, ...] = (4,)
    tilt: float = 1.0
    perspective: float = 0.0
    shadow: float = 0.0
    noise: float = 0.005
    blur: float = 0.005
    quality: int = 92


BLUE, PENCIL = (30, 50, 150), (105, 105, 110)
KINDS = {
    "scan": Kind(),
    "one digit": Kind(rows=(1,)),
    "perspective": Kind(perspective=0.08, tilt=4),
    "shadow": Kind(shadow=0.6),
    "ruled": Kind(lines="ruled", pen=0.09),
    "squared": Kind(lines="squared", pen=0.09, ink=BLUE),
    "ruled, pencil": Kind(lines="ruled", pen=0.08, ink=PENCIL, grain=0.2),
    "blue ballpoint": Kind(ink=BLUE, pen=0.06, paper=(235, 230, 215)),
    "pencil": Kind(ink=(130, 130, 132), pen=0.08, grain=0.35, noise=0.02, shadow=0.2),
    "noise": Kind(noise=0.09),
    "strong JPEG": Kind(quality=12, noise=0.02),
    "blackboard": Kind(paper=(38, 62, 50), ink=(225, 225, 220), grain=0.3, shadow=0.3),
    "white on black": Kind(paper=(0, 0, 0), ink=(255, 255, 255), noise=0.0),
    "two lines": Kind(rows=(5, 4), pen=0.1),
    "tilted": Kind(tilt=12, rows=(5,)),
    "paper on a desk": Kind(desk=(95, 65, 45), perspective=0.05, tilt=5, shadow=0.3),
    "marker": Kind(pen=0.22, ink=(170, 30, 35)),
    "out of focus": Kind(blur=0.05, pen=0.1),
    "all at once": Kind(
        lines="squared", pen=0.09, ink=BLUE, perspective=0.05, tilt=4, shadow=0.5, noise=0.02, quality=60,
        rows=(3, 3),
    ),
}  # fmt: skip


def photograph(
    kind: Kind, digits: Digits, random: Random, *, height: int = 100
) -> tuple[Image.Image, list[int]]:
    """Write random digits and take their photograph.

    Args:
        height: of the digits, in pixels

    Returns:
        the photograph, and the labels of its digits in reading order
    """
    number = sum(kind.rows)
    chosen = random.choice(len(digits), number, replace=False)
    labels = [int(digits.labels[index]) for index in chosen]
    inks = [written(digits.images[index].numpy(), height, kind.pen) for index in chosen]
    lines = [inks[sum(kind.rows[:row]) :][:count] for row, count in enumerate(kind.rows)]
    widest = max(sum(glyph.shape[1] + 0.45 * height for glyph in line) for line in lines)
    ink = np.zeros((round(height * (1.8 * len(lines) + 0.6)), round(widest + 1.2 * height)))
    for row, line in enumerate(lines):
        left = round(height * random.uniform(0.6, 0.8))
        for glyph in line:
            top = round(height * (0.7 + 1.8 * row + random.uniform(-0.08, 0.08)))
            tall, wide = glyph.shape
            area = ink[top : top + tall, left : left + wide]
            np.maximum(area, glyph, out=area)
            left += wide + round(height * random.uniform(0.3, 0.45))
    return _taken(kind, ink, height, random), labels


def written(image: NDArray[np.uint8], height: int, pen: float) -> Grey:
    """A digit of MNIST as smooth ink of this height: (28, 28) uint8 -> (height, width)."""
    y, x = np.nonzero(image > 60)
    cut = image[y.min() : y.max() + 1, x.min() : x.max() + 1] / 255
    scale = height / cut.shape[0]
    large = ndimage.zoom(np.pad(cut, 1), scale, order=3)
    large = ndimage.gaussian_filter(large, 0.4 * scale)
    mask = large > 0.4
    if pen:
        distance = ndimage.distance_transform_edt(~skeletonize(mask))
        return np.clip((pen * height / 2 - distance) / 1.5 + 0.5, 0, 1)
    distance = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    return np.clip(distance / 1.5 + 0.5, 0, 1)


def _taken(kind: Kind, ink: Grey, height: int, random: Random) -> Image.Image:
    rows, columns = ink.shape
    paper = np.broadcast_to(np.array(kind.paper) / 255, (rows, columns, 3)).copy()
    paper[_line_mask(kind.lines, rows, columns, height)] *= (0.62, 0.72, 0.86)
    if kind.lines == "ruled":
        margin = round(0.25 * height)
        paper[:, margin : margin + max(1, height // 60)] *= (0.95, 0.6, 0.6)
    grain = ndimage.gaussian_filter(random.standard_normal(ink.shape), 1)
    ink = ink * np.clip(1 - kind.grain * (1 + 2 * grain), 0, 1)
    page = paper * (1 - ink[..., None]) + np.array(kind.ink) / 255 * ink[..., None]
    page *= _light(kind.shadow, rows, columns, random)[..., None]
    margin = round(0.6 * height) if kind.desk else 0
    picture = _seen(page, kind, margin, random)
    picture = ndimage.gaussian_filter(picture, (kind.blur * height, kind.blur * height, 0))
    picture = picture + random.normal(0, kind.noise, picture.shape)
    image = Image.fromarray((picture.clip(0, 1) * 255).round().astype(np.uint8))
    file = BytesIO()
    image.save(file, "JPEG", quality=kind.quality)
    return Image.open(file)


def _line_mask(lines: str, rows: int, columns: int, height: int) -> NDArray[np.bool_]:
    mask = np.zeros((rows, columns), dtype=bool)
    thickness = max(1, height // 60)
    step = round(0.9 * height) if lines == "ruled" else round(0.5 * height)
    for start in range(step // 2, rows if lines else 0, step):
        mask[start : start + thickness] = True
    for start in range(step // 2, columns if lines == "squared" else 0, step):
        mask[:, start : start + thickness] = True
    return mask


def _light(shadow: float, rows: int, columns: int, random: Random) -> Grey:
    """Light that fades to one side, and half as strong a shadow of something with a soft edge."""
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    angle = random.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) + 0.5
    edge = 1 / (1 + np.exp(-(along - random.uniform(0.3, 0.7)) * 40))
    return np.clip(1 - shadow / 2 * np.clip(along, 0, 1) - shadow / 2 * edge, 0.05, 1)


def _seen(page: NDArray[np.float64], kind: Kind, margin: int, random: Random) -> NDArray[np.float64]:
    """The page as a camera sees it: on a desk, turned, with moved corners."""
    rows, columns = page.shape[:2]
    rows, columns = rows + 2 * margin, columns + 2 * margin
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (page.shape[1], page.shape[0]) + margin
    middle = np.array([columns, rows]) / 2
    angle = np.radians(random.uniform(-kind.tilt, kind.tilt))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = (corners - middle) @ turn + middle
    moved = moved + random.uniform(-kind.perspective, kind.perspective, (4, 2)) * min(rows, columns)
    equations, values = [], []
    for (x, y), (u, v) in zip(moved, corners - margin, strict=True):
        equations += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    data = np.linalg.solve(np.array(equations), np.array(values))
    around = kind.desk or tuple((page[:2].mean((0, 1)) * 255).astype(int).tolist())
    image = Image.fromarray((page * 255).round().astype(np.uint8))
    seen = image.transform(
        (columns, rows),
        Image.Transform.PERSPECTIVE,
        data.tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=around,
    )
    return np.asarray(seen) / 255
