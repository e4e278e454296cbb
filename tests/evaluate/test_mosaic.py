"""Digits side by side: which, and where their pictures and captions are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.helpers import numbered_digits, seeded

from ca.evaluate.layouts import Mosaic
from ca.render.pictures import Picture

MOSAIC = Mosaic(num_digits=5, picture_size=(84, 90), columns=3, captions=False)
CAPTIONS = [f"{number}: {number} (50%)" for number in range(5)]


@pytest.fixture
def pictures() -> Picture:
    return np.random.default_rng(0).integers(0, 256, (5, 84, 90, 3), dtype=np.uint8)


def test_a_scene_is_of_random_digits_none_twice() -> None:
    digits = numbered_digits()
    scene = MOSAIC.next_scene(digits, seeded(0))
    numbers = (scene.liveness[:, 0, 0] * 255).round().long() - 30
    assert len(set(numbers.tolist())) == 5
    assert scene.liveness.equal(digits.images[numbers].float() / 255)
    assert scene.labels.equal(digits.labels[numbers])
    assert scene.owner.equal(torch.arange(5)[:, None, None].expand(5, 5, 4))
    assert not MOSAIC.next_scene(digits, seeded(1)).liveness.equal(scene.liveness)


@pytest.mark.parametrize("captions", [False, True])
def test_pictures_stand_row_by_row(pictures: Picture, captions: bool) -> None:
    layout = replace(MOSAIC, captions=captions)
    whole = layout.compose(pictures, CAPTIONS)
    assert whole.shape == (*layout.size, 3)
    height = layout.size[0] // 2
    assert (height == 84) == (not captions)
    for number in range(5):
        row, column = divmod(number, 3)
        bottom = (row + 1) * height
        assert (whole[bottom - 84 : bottom, column * 90 : column * 90 + 90] == pictures[number]).all()
    assert (whole[height:, 180:] == 255).all(), "there is no sixth"


def test_each_caption_is_above_its_digit(pictures: Picture) -> None:
    layout = replace(MOSAIC, captions=True)
    whole = layout.compose(pictures, CAPTIONS)
    for number in range(5):
        captions = list(CAPTIONS)
        captions[number] = "7: 1 (99%)"
        y, x, _ = np.nonzero(whole != layout.compose(pictures, captions))
        row, column = divmod(number, 3)
        top = row * layout.size[0] // 2
        assert top <= y.min()
        assert y.max() < top + layout.size[0] // 2 - 84
        assert column * 90 <= x.min()
        assert x.max() < (column + 1) * 90


def test_no_captions_where_they_could_not_be_read() -> None:
    assert replace(MOSAIC, captions=True, picture_size=(28, 28)).size == (56, 84)
