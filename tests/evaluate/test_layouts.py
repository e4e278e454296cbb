"""The layouts of a video: which digits, and where their pictures and captions are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.helpers import numbered_digits, seeded

from ca.data.load import load_digits
from ca.evaluate.layouts import Board, Mosaic
from ca.render.pictures import Picture
from ca.settings.commands import EvaluateSettings
from ca.system.errors import UsageError

MNIST = load_digits("mnist", "test")
MOSAIC = Mosaic(num_digits=5, picture_size=(84, 90), columns=3, captions=False)
CAPTIONS = [f"{number}: {number} (50%)" for number in range(5)]


@pytest.fixture
def pictures() -> Picture:
    return np.random.default_rng(0).integers(0, 256, (5, 84, 90, 3), dtype=np.uint8)


def test_mosaic_takes_random_digits_none_twice() -> None:
    digits = numbered_digits()
    scene = MOSAIC.next_scene(digits, seeded(0))
    numbers = (scene.liveness[:, 0, 0] * 255).round().long() - 30
    assert len(set(numbers.tolist())) == 5
    assert scene.liveness.equal(digits.images[numbers].float() / 255)
    assert scene.labels.equal(digits.labels[numbers])
    assert scene.owner.equal(torch.arange(5)[:, None, None].expand(5, 5, 4))
    assert not MOSAIC.next_scene(digits, seeded(1)).liveness.equal(scene.liveness)


@pytest.mark.parametrize("captions", [False, True])
def test_mosaic_places_pictures_row_by_row(pictures: Picture, captions: bool) -> None:
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


def test_mosaic_writes_each_caption_above_its_digit(pictures: Picture) -> None:
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


def test_mosaic_leaves_out_captions_that_would_be_unreadable() -> None:
    assert replace(MOSAIC, captions=True, picture_size=(28, 28)).size == (56, 84)


def board(num_digits: int, side: int, zoom: int = 4, *, captions: bool = False) -> Board:
    return Board(
        num_digits=num_digits, side=side, zoom=zoom, size=(side * zoom, side * zoom), captions=captions
    )


def test_digits_of_a_board_keep_their_places() -> None:
    layout, generator = board(5, 90), seeded(0)
    first, second = (layout.next_scene(MNIST, generator) for _ in range(2))
    assert first.liveness.shape == second.liveness.shape == (1, 90, 90)
    for number in range(5):
        one, other = ((scene.owner[0] == number).nonzero().double().mean(0) for scene in (first, second))
        assert (one - other).abs().max() < 6
    assert not first.labels.equal(second.labels)
    again = board(5, 90).next_scene(MNIST, seeded(0))
    assert again.liveness.equal(first.liveness)


@pytest.mark.parametrize("num_digits", [1, 2, 5, 30])
def test_default_board_has_room(num_digits: int) -> None:
    side = EvaluateSettings(batch_size=num_digits, layout="board").board_side
    for seed in range(5):
        board(num_digits, side).next_scene(MNIST, seeded(seed))


def test_board_without_room() -> None:
    with pytest.raises(UsageError, match=r"only \d of --batch-size 40 digits .* 40 x 40 .* --board-size"):
        board(40, 40).next_scene(MNIST, seeded(0))


def test_board_writes_each_caption_above_its_digit() -> None:
    layout = board(4, 110, captions=True)
    scene = layout.next_scene(MNIST, seeded(2))
    blank = np.full((1, 440, 440, 3), 255, dtype=np.uint8)
    captions = [f"{number}: {number} (97%)" for number in range(4)]
    whole = layout.compose(blank, captions)
    assert whole.shape == (440, 440, 3)
    for number in range(4):
        others = list(captions)
        others[number] = ""
        y, x, _ = np.nonzero(whole != layout.compose(blank, others))
        rows, columns = np.nonzero((scene.owner[0] == number).numpy())
        assert y.max() <= max(4 * rows.min() + 3, layout.letters + 5)
        assert y.min() >= max(0, 4 * rows.min() - 2 * layout.letters)
        assert x.min() < 4 * (columns.max() + 1)
        assert x.max() > 4 * columns.min()


def test_board_without_captions_leaves_the_picture_unchanged() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 440, 440, 3), dtype=np.uint8)
    assert (board(4, 110).compose(picture, []) == picture[0]).all()
    assert (board(4, 110, zoom=1, captions=True).compose(picture, ["1"] * 4) == picture[0]).all()
