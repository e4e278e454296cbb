"""A digit of any size and stroke becomes an image like those of MNIST."""

import numpy as np
import pytest
from scipy import ndimage
from support.photographs import written

from ca.data.load import load_digits
from ca.photo.digits import Found, find_digits
from ca.photo.mnist import FINE, STROKES, like_mnist, stroke_width

IMAGES = load_digits("mnist", "train").images[:10].numpy()


def from_ink(ink: np.ndarray) -> np.ndarray:
    ink = np.pad(ink, 5).astype(np.float32)
    (digit,) = find_digits(ink > 0.5)
    return like_mnist(ink, 0.5, digit)


@pytest.mark.parametrize("pen", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("height", [20, 60, 400])
def test_size_place_and_stroke_are_those_of_mnist(height: int, pen: float) -> None:
    stroke = from_ink(written(IMAGES[0], height, max(pen, 2 / height)))
    assert stroke.dtype == np.uint8
    assert stroke.max() == 255
    rows, columns = np.flatnonzero(stroke.any(1)), np.flatnonzero(stroke.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) == 19
    centre = ndimage.center_of_mass(stroke.astype(float))
    assert np.abs(np.subtract(centre, 13.5)).max() <= 0.51
    assert STROKES[0] - 0.3 <= stroke_width(np.kron(stroke > 127, np.ones((FINE, FINE))) > 0) / FINE <= 3.6


def test_enlarged_digits_come_back() -> None:
    for image in IMAGES:
        back = from_ink(written(image, 200, 0.0)).astype(float)
        correlations = [
            np.corrcoef(np.roll(back, (y, x), (0, 1)).ravel(), image.ravel())[0, 1]
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
        ]
        assert max(correlations) > 0.85


def test_narrowing_a_stroke_breaks_none() -> None:
    """A thick digit with one thin place."""
    ink = np.zeros((100, 60), dtype=np.float32)
    ink[5:45, 10:50] = ink[55:95, 10:50] = 1
    ink[45:55, 28:32] = 1
    image = like_mnist(ink, 0.5, Found(5, 10, ink[5:95, 10:50] > 0.5))
    assert ndimage.label(image > 26, np.ones((3, 3)))[1] == 1


def test_the_ink_of_others_is_left_out() -> None:
    ink = np.zeros((60, 60), dtype=np.float32)
    ink[10:50, 10:20] = 1
    ink[20:40, 14:16] = 0
    alone = like_mnist(ink, 0.5, Found(10, 10, ink[10:50, 10:20] > 0.5))
    ink[25:35, 14:15] = 1
    mask = ink[10:50, 10:20] > 0.5
    mask[15:25, 4:5] = False
    assert np.abs(like_mnist(ink, 0.5, Found(10, 10, mask)).astype(int) - alone).max() < 140
