"""Image files of any kind are read upright, in 8 bits, on paper; what can't be read is one line."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ca.data.image_file import MAX_PIXELS, MAX_SIDE, read_image
from ca.system.errors import FailedError


def grey_of(path: Path) -> np.ndarray:
    return np.asarray(read_image(path).convert("L"))


@pytest.fixture
def marked() -> Image.Image:
    """Grey, with a black upper left quarter, so that every turn and mirror image of it is another."""
    values = np.full((40, 60), 200, dtype=np.uint8)
    values[:20, :30] = 0
    values[0, -1] = 255
    return Image.fromarray(values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(orientation: int, marked: Image.Image, tmp_path: Path) -> None:
    """A camera writes the turned pixels, and how to turn them back (EXIF 2.3, tag 274)."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turned = marked.transpose(turns[orientation]) if orientation in turns else marked
    exif = Image.Exif()
    exif[274] = orientation
    turned.save(tmp_path / "photo.png", exif=exif)
    assert (grey_of(tmp_path / "photo.png") == np.asarray(marked)).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16", "I", "F", "LA", "RGBA"])
def test_every_kind_of_pixel_is_read(mode: str, tmp_path: Path) -> None:
    """Black on white; transparent where it is white, if there is transparency."""
    ink = np.zeros((30, 30), dtype=bool)
    ink[5:25, 10:20] = True
    black = Image.fromarray(np.where(ink, 0, 255).astype(np.uint8))
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(np.where(ink, 100, 40_000).astype(kind))
    elif mode in ("LA", "RGBA"):
        image = Image.new("L", black.size, 0).convert(mode)
        image.putalpha(Image.fromarray(ink.astype(np.uint8) * 255))
    else:
        image = black.convert(mode)
    path = tmp_path / ("photo.jpg" if mode in ("CMYK", "YCbCr") else "photo.tiff")
    image.save(path, quality=100)
    found = grey_of(path)
    assert found[ink].max() < 20
    assert found[~ink].min() > 235


def test_white_ink_on_nothing_is_on_black(tmp_path: Path) -> None:
    image = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (5, 5, 10, 15))
    image.save(tmp_path / "chalk.png")
    grey = grey_of(tmp_path / "chalk.png")
    assert (grey[0, 0], grey[7, 7]) == (0, 255)


def test_images_without_anything_to_see_are_black(tmp_path: Path) -> None:
    for name, empty in (
        ("deep.png", Image.fromarray(np.zeros((12, 12), np.uint16))),
        ("grey.png", Image.fromarray(np.full((12, 12), 900, np.uint16))),
        ("clear.png", Image.new("RGBA", (12, 12), (0, 0, 0, 0))),
    ):
        empty.save(tmp_path / name)
        assert not grey_of(tmp_path / name).any(), name


def test_floats_of_a_small_range_are_stretched(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.25], [0.25, 0.5]], np.float32)).save(tmp_path / "float.tiff")
    assert grey_of(tmp_path / "float.tiff").tolist() == [[0, 128], [128, 255]]


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, np.nan], [1, 2]], np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(FailedError, match="a value is not finite"):
        read_image(tmp_path / "float.tiff")


def test_the_first_frame_of_an_animation_is_read(marked: Image.Image, tmp_path: Path) -> None:
    marked.save(tmp_path / "film.gif", save_all=True, append_images=[Image.new("L", marked.size)] * 2)
    assert np.abs(grey_of(tmp_path / "film.gif").astype(int) - np.asarray(marked)).max() < 3


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_large_images_are_shrunk(suffix: str, tmp_path: Path) -> None:
    Image.new("L", (3 * MAX_SIDE, 50), 200).save(tmp_path / f"photo.{suffix}")
    image = read_image(tmp_path / f"photo.{suffix}")
    assert max(image.size) <= MAX_SIDE
    assert image.size[0] / image.size[1] == pytest.approx(3 * MAX_SIDE / 50, rel=0.05)


def bomb(side: int) -> bytes:
    """A PNG of few bytes that claims to have side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def truncated() -> bytes:
    file = BytesIO()
    Image.effect_noise((100, 100), 50).save(file, "JPEG")
    return file.getvalue()[:1500]


REFUSED = {
    "empty": (b"", "the file is empty"),
    "text": (b"not an image", "is not an image that ca can read: convert it to PNG, JPEG, TIFF"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image that ca can read"),
    "truncated": (truncated(), r"the image is damaged \("),
    "not all there": (bomb(50), r"the image is damaged \("),
    "large": (bomb(11_000), "it has more than 120,000,000 pixels; make it smaller"),
    "bomb": (bomb(60_000), "it has more than 120,000,000 pixels; make it smaller"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_not_be_read_is_one_line(kind: str, tmp_path: Path) -> None:
    content, message = REFUSED[kind]
    (tmp_path / "photo").write_bytes(content)
    with pytest.raises(FailedError, match=message) as caught:
        read_image(tmp_path / "photo")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "photo") in str(caught.value)
    assert MAX_PIXELS < 11_000**2


def test_folders_and_missing_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="Is a directory"):
        read_image(tmp_path)
    with pytest.raises(FailedError, match=r"can't read .*none\.png: No such file"):
        read_image(tmp_path / "none.png")
