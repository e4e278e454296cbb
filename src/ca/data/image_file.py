"""Reading an image file of any kind: upright, in 8 bits, and not too large."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ca.system.errors import FailedError
from ca.system.reading import read_regular

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM")  # EPS, for one, would run a program
MAX_BYTES = 200_000_000
MAX_PIXELS = 120_000_000
MAX_SIDE = 2_000  # pixels; larger images are shrunk


def read_image(path: Path) -> Image.Image:
    """Read an image: upright by its EXIF orientation, its first frame, its longer side at most `MAX_SIDE`.

    Transparent parts get the colour, white or black, that is farther from what can be seen.

    Returns:
        an RGB image

    Raises:
        FailedError: the file can't be read, is none of `FORMATS`, is damaged, or has too many pixels
    """
    try:
        content = read_regular(path, at_most=MAX_BYTES)
    except OSError as error:
        raise FailedError(f"can't read {path}: {error.strerror or error}") from error
    if not content:
        raise FailedError(f"can't read {path}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about metadata
            return _decode(content, path)
    except FailedError:
        raise
    except Image.UnidentifiedImageError as error:
        message = f"{path} is not an image that ca can read: convert it to {', '.join(FORMATS)}"
        raise FailedError(message) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise FailedError(f"can't read {path}: the image is damaged ({reason})") from error


def _decode(content: bytes, path: Path) -> Image.Image:
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        image.draft(None, (MAX_SIDE, MAX_SIDE))  # JPEG: decode no more than is needed
        colours = _opaque(image)
        colours.getexif().update(image.getexif())
    upright = ImageOps.exif_transpose(colours)
    upright.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    return upright


def _opaque(image: Image.Image) -> Image.Image:
    """An RGB image of 8 bits without transparency."""
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, of whatever range
        values = np.asarray(image, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("a value is not finite")
        darkest, brightest = values.min(), values.max()
        if brightest == darkest:
            return Image.new("RGB", image.size)  # nothing to see: black
        values = np.interp(values, [darkest, brightest], [0, 255])
        return Image.fromarray(values.round().astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    colours = image.convert("RGBA")
    shade, opacity = np.moveaxis(np.asarray(colours.convert("LA"), dtype=np.float64), -1, 0)
    seen = (shade * opacity).sum() / max(opacity.sum(), 1)
    is_dark = seen < 128 and opacity.any()
    around = Image.new("RGBA", colours.size, "white" if is_dark else "black")
    return Image.alpha_composite(around, colours).convert("RGB")


def _too_large(path: Path) -> FailedError:
    return FailedError(f"can't read {path}: it has more than {MAX_PIXELS:,} pixels; make it smaller")
