"""Digits that share a board: room between them, their places, and that they do not affect each other."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.helpers import random_automaton, seeded
from support.sizes import ARTICLE
from torch import Tensor

from ca.cells import newborn
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.evaluate.scene import Placement

MNIST = load_digits("mnist", "test")[:200]


def placement_of(number: int, side: int, seed: int, digits: Digits = MNIST) -> Placement:
    """Place as many of the digits as have room."""
    generator = seeded(seed)
    placement = Placement(side, digits.images[0])
    chosen = digits.sample(number, generator)
    for one in range(number):
        placement.add(chosen[one : one + 1], generator)
    return placement


def owners_around(liveness: Tensor, owner: Tensor) -> list[set[int]]:
    """The owners of the ink in the 3x3 neighbourhood of each pixel with ink."""
    seen = []
    for y, x in (liveness > 0).nonzero().tolist():
        around = (slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2))
        seen.append(set(owner[around][liveness[around] > 0].tolist()))
    return seen


@settings(max_examples=15, deadline=None)
@given(number=st.integers(1, 12), side=st.integers(28, 90), seed=st.integers(0, 99), stages=st.integers(1, 3))
def test_no_ink_touches_the_ink_of_another_digit(number: int, side: int, seed: int, stages: int) -> None:
    placement = placement_of(number, side, seed)
    for _ in range(stages - 1):
        for one in range(len(placement)):
            placement.exchange(one, MNIST, seeded(seed + 1))
    scene = placement.scene()
    assert scene.liveness.shape == scene.owner.shape == (1, side, side)
    assert all(len(owners) == 1 for owners in owners_around(scene.liveness[0], scene.owner[0]))
    assert sorted(scene.owner.unique().tolist()) == [-1, *range(len(placement))]
    assert (scene.owner >= 0).equal(scene.liveness > 0)


def test_each_digit_is_wholly_on_the_board() -> None:
    scene = placement_of(9, 120, 0).scene()
    chosen = MNIST.sample(9, seeded(0))
    for number in range(9):
        ink = scene.liveness[0][scene.owner[0] == number]
        image = chosen.images[number].float() / 255
        assert ink.equal(image[image > 0]), (
            "in reading order, so that the shape is the same but for its place"
        )
        assert scene.labels[number] == chosen.labels[number]


def test_digits_are_added_wherever_there_is_room() -> None:
    block = Digits(torch.full((1, 3, 3), 255, dtype=torch.uint8), torch.tensor([7]))
    places = set()
    for seed in range(200):
        placement = placement_of(1, 5, seed, block)
        places.add(tuple(placement.scene().owner[0].add(1).nonzero()[0].tolist()))
    assert places == {(y, x) for y in range(3) for x in range(3)}

    placement = Placement(7, block.images[0])
    added = [placement.add(block, seeded(seed)) for seed in range(50)]
    assert 1 <= sum(added) <= 4
    assert added == sorted(added, reverse=True), "once there is no room, there is none later"


def test_exchanged_digits_keep_their_places() -> None:
    placement = placement_of(6, 120, 3)
    before = placement.scene()
    for number in range(6):
        placement.exchange(number, MNIST, seeded(number))
    after = placement.scene()
    for number in range(6):
        old, new = ((scene.owner[0] == number).nonzero().double() for scene in (before, after))
        assert (old.mean(0) - new.mean(0)).abs().max() < 6
        assert len(old) != len(new) or not old.equal(new)


def test_digits_are_exchanged_for_any_that_fits_and_for_no_other() -> None:
    bar_or_block = Digits(torch.zeros(2, 5, 5, dtype=torch.uint8), torch.tensor([1, 8]))
    bar_or_block.images[0, :, 2] = 255
    bar_or_block.images[1] = 255
    seen: dict[int, set[int]] = {column: set() for column in range(5)}
    for seed in range(100):
        placement = Placement(5, bar_or_block.images[0])
        assert placement.add(bar_or_block[:1], seeded(seed))
        column = int(placement.scene().liveness[0, 0].argmax())
        placement.exchange(0, bar_or_block, seeded(seed + 1))
        seen[column] |= set(placement.scene().labels.tolist())
    assert seen == {0: {1}, 1: {1}, 2: {1, 8}, 3: {1}, 4: {1}}, (
        "the block fits where its bar was in the middle"
    )


def test_cells_of_a_digit_on_a_board_equal_those_of_the_digit_alone() -> None:
    """With all cells firing and without noise, every cell of a board equals that of its digit by itself."""
    automaton = random_automaton(fire_rate=1.0, noise=0.0)
    scene = placement_of(7, 100, 5).scene()

    def after_ticks(liveness: Tensor) -> Tensor:
        graph = CellGraph.of(liveness, ARTICLE)
        grid = newborn(liveness, ARTICLE)
        draws = random_draws(graph, automaton, 6, seeded(0))
        return graph.scatter(rollout(automaton, graph, graph.gather(grid), draws), grid)

    with torch.no_grad():
        board = after_ticks(scene.liveness.double())
        for number in range(7):
            own = scene.owner == number
            alone = after_ticks(torch.where(own, scene.liveness, 0.0).double())
            assert torch.allclose(board[0][:, own[0]], alone[0][:, own[0]], atol=1e-12)
