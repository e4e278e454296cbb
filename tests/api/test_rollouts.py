"""Classifying and rolling out images of the caller."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from support.helpers import random_automaton
from support.sizes import ARTICLE, CHANNELS, DEAD, UNDECIDED

import ca
import ca.api
from ca.cells import alive, mutate, outputs

MNIST = ca.load_digits()


@pytest.fixture(scope="module")
def bundled() -> ca.CellularAutomaton:
    return ca.CellularAutomaton.from_pretrained()


def test_classify_returns_what_the_cells_output(bundled: ca.CellularAutomaton) -> None:
    digits = MNIST[:70]  # more than are computed at once
    result = ca.classify(bundled, digits.images)
    assert (result.classes == digits.labels.numpy()).mean() > 0.95
    assert torch.equal(result.grid[:, 0], digits.liveness)
    living = alive(digits.liveness, ARTICLE)
    assert np.array_equal(result.cells == DEAD, ~living.numpy())
    for number in range(len(digits)):
        cells = result.grid[number].movedim(0, -1)[living[number]]
        votes = outputs(cells, ARTICLE).argmax(1)
        assert result.votes[number].tolist() == torch.bincount(votes, minlength=10).tolist()
        share = (votes == result.classes[number]).double().mean().item()
        assert result.agreement[number] == pytest.approx(share)
    again, other = (ca.classify(bundled, digits.images, seed=seed) for seed in (0, 1))
    assert torch.equal(again.grid, result.grid)
    assert not torch.equal(other.grid, result.grid)


def test_a_rollout_yields_the_start_and_every_tick(bundled: ca.CellularAutomaton) -> None:
    digits = MNIST[:3]
    grids = list(ca.roll_out(bundled, digits.images, ticks=40))
    assert len(grids) == 41
    assert grids[0].shape == (3, CHANNELS, 28, 28)
    assert not grids[0][:, 1:].any()
    assert all(torch.equal(grid[:, 0], digits.liveness) for grid in grids)
    assert all(not torch.equal(before, after) for before, after in pairwise(grids))
    assert not any(grid.requires_grad for grid in grids)


def test_a_rollout_is_the_rule_applied_again_and_again() -> None:
    automaton, images = random_automaton(fire_rate=1.0, noise=0.0), MNIST.images[:2]
    grids = list(ca.roll_out(automaton, images, ticks=3))
    fired, noise = torch.ones(2, 28, 28, dtype=torch.bool), torch.zeros(2, 19, 28, 28)
    for before, after in pairwise(grids):
        torch.testing.assert_close(after, automaton.tick(before, fired, noise))
    torch.testing.assert_close(ca.classify(automaton, images, ticks=3).grid, grids[-1])


def test_a_rollout_can_start_with_a_mutation(bundled: ca.CellularAutomaton) -> None:
    last = ca.classify(bundled, MNIST.images[:3], ticks=20).grid
    grid = next(ca.roll_out(bundled, MNIST.images[3:6], start=last, ticks=1))
    assert torch.equal(grid, mutate(last, MNIST[3:6].liveness, ARTICLE))
    with pytest.raises(
        ValueError, match=r"^start has shape \(3, 20, 28, 28\): images need \(2, 20, 28, 28\)$"
    ):
        ca.roll_out(bundled, MNIST.images[:2], start=last)


def test_drawn_cells_have_the_colours_of_their_classes(bundled: ca.CellularAutomaton) -> None:
    result = ca.classify(bundled, MNIST.images[:3])
    picture = ca.draw_cells(result.grid, zoom=3)
    assert picture.shape == (2 * 28 * 3, 2 * 28 * 3, 3)
    assert picture.dtype == np.uint8
    assert (picture[84:, 84:] == 255).all()  # no fourth digit
    cells = picture[::3, ::3]
    assert np.array_equal(cells.repeat(3, 0).repeat(3, 1), picture)
    for number, (row, column) in enumerate([(0, 0), (0, 28), (28, 0)]):
        colours = cells[row : row + 28, column : column + 28]
        assert (colours[result.cells[number] == DEAD] == 255).all()
        for index in np.unique(result.cells[number]):
            assert len(np.unique(colours[result.cells[number] == index], axis=0)) == 1
    start = next(ca.roll_out(bundled, MNIST.images[:1]))
    assert (
        UNDECIDED
        in ca.classify(ca.CellularAutomaton(ca.Architecture(noise=0)), MNIST.images[:1], ticks=1).cells
    )
    assert set(np.unique(ca.draw_cells(start))) == {0, 255}
    others = [ca.draw_cells(result.grid, zoom=3, colours=colours) for colours in ("article", "petroff")]
    assert not any(np.array_equal(other, picture) for other in others)
    with pytest.raises(ValueError, match=r"^grid has shape \(3, 28, 28\), not \(batch, 20, height, width\)$"):
        ca.draw_cells(torch.from_numpy(result.cells))


def test_numbers_out_of_range_are_refused(bundled: ca.CellularAutomaton) -> None:
    images, grid = MNIST.images[:2], torch.zeros(1, 20, 9, 9)
    for use, message in (
        (lambda: ca.classify(bundled, images, ticks=0), "^ticks must be at least 1, not 0$"),
        (lambda: ca.roll_out(bundled, images, ticks=-1), "^ticks must be at least 1, not -1$"),
        (lambda: ca.draw_cells(grid, zoom=0), "^zoom must be at least 1, not 0$"),
        (lambda: ca.draw_cells(grid, colours="red"), "^colours is 'red': choose one of distinct, "),  # ty: ignore
    ):
        with pytest.raises(ValueError, match=message):
            use()
