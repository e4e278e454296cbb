"""A copy of an image with a box around each digit and what it was read as."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ca.photo.digits import Found
from ca.photo.verdict import Verdict
from ca.render.palette import ink_on, palette_of
from ca.settings.choices import DEFAULT_COLOURS
from ca.sizes import NUM_CLASSES
from ca.system.folders import writing
from ca.system.publish import published


def write_picture(path: Path, image: Image.Image, found: list[Found], verdicts: list[Verdict]) -> None:
    """Write an image with its digits marked; a digit that is unsure has a question mark.

    Raises:
        FailedError: the file can't be written
    """
    with writing(path), published(path) as temporary:
        marked(image, found, verdicts).save(temporary, quality=90)


def marked(image: Image.Image, found: list[Found], verdicts: list[Verdict]) -> Image.Image:
    """The marked copy of an RGB image."""
    copy = image.copy()
    draw = ImageDraw.Draw(copy)
    palette = palette_of(DEFAULT_COLOURS, NUM_CLASSES)
    letters = max(12, int(np.median([digit.height for digit in found])) // 3)
    font, line = ImageFont.load_default(size=letters), max(2, letters // 12)
    for digit, verdict in zip(found, verdicts, strict=True):
        colour = palette[verdict.digit]
        left, top = digit.left - line, digit.top - line
        right, bottom = digit.left + digit.width + line, digit.top + digit.height + line
        draw.rectangle((left, top, right, bottom), outline=tuple(colour.tolist()), width=line)
        text = f"{verdict.digit}?" if verdict.sureness == "unsure" else str(verdict.digit)
        tag_top = max(0, top - letters)
        tag = (left, tag_top, left + font.getlength(text) + 4 * line, tag_top + letters)
        draw.rectangle(tag, fill=tuple(colour.tolist()))
        at = (left + 2 * line, tag_top + letters / 2)
        draw.text(at, text, ink_on(colour), font, anchor="lm")
    return copy
