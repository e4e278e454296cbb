"""The layout `board`: captions over the digits, and what is said where there is no room."""

import numpy as np
import pytest
from support.helpers import seeded

from ca.data.digits import load_digits
from ca.evaluate.layouts import Board
from ca.system.errors import UsageError

MNIST = load_digits("mnist", "test")


def board(num_digits: int, side: int, zoom: int = 4, *, captions: bool = False) -> Board:
    return Board(
        num_digits=num_digits, side=side, zoom=zoom, size=(side * zoom, side * zoom), captions=captions
    )


def test_scenes_follow_each_other_in_place() -> None:
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
def test_the_default_side_has_room(num_digits: int) -> None:
    from ca.settings.commands import EvaluateSettings

    side = EvaluateSettings(batch_size=num_digits, layout="board").board_side
    for seed in range(5):
        board(num_digits, side).next_scene(MNIST, seeded(seed))


def test_no_room() -> None:
    with pytest.raises(UsageError, match=r"only \d of --batch-size 40 digits .* 40 x 40 .* --board-size"):
        board(40, 40).next_scene(MNIST, seeded(0))


def test_captions_are_over_their_digits() -> None:
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


def test_without_captions_the_picture_is_the_views() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 440, 440, 3), dtype=np.uint8)
    assert (board(4, 110).compose(picture, []) == picture[0]).all()
    assert (board(4, 110, zoom=1, captions=True).compose(picture, ["1"] * 4) == picture[0]).all()
