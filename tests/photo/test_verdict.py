"""What the cells say: the majority, when all agreed, and in words how sure that is."""

import pytest
import torch
from support.helpers import random_automaton, seeded
from support.sizes import ARTICLE

from ca.cells import alive, outputs
from ca.data.load import load_digits
from ca.photo.verdict import Verdict, verdicts, watch


def votes(*ticks: dict[int, int]) -> torch.Tensor:
    """Votes of one digit after each tick."""
    table = torch.zeros(len(ticks), 1, 10, dtype=torch.int64)
    for tick, counts in enumerate(ticks):
        for index, count in counts.items():
            table[tick, 0, index] = count
    return table


def test_the_first_tick_at_which_all_cells_agree_counts() -> None:
    (verdict,) = verdicts(votes({3: 5, 4: 2}, {4: 7}, {4: 7}, {4: 6, 3: 1}))
    assert (verdict.digit, verdict.agreed_at) == (4, 2)
    assert verdict.votes == (0, 0, 0, 1, 6, 0, 0, 0, 0, 0)


def test_cells_that_agreed_on_another_class_or_never_have_not_agreed() -> None:
    (changed,) = verdicts(votes({3: 7}, {4: 6, 3: 1}))
    (never,) = verdicts(votes({3: 6, 4: 1}, {3: 6, 4: 1}))
    assert (changed.digit, changed.agreed_at) == (4, None)
    assert (never.digit, never.agreed_at) == (3, None)


@pytest.mark.parametrize(
    ("tick", "words"),
    [(1, "sure"), (40, "sure"), (41, "fairly sure"), (60, "fairly sure"), (61, "unsure"), (None, "unsure")],
)
def test_how_sure_it_is(tick: int | None, words: str) -> None:
    assert Verdict(digit=0, votes=(1,) + 9 * (0,), agreed_at=tick).sureness == words


def test_the_votes_of_each_tick_are_those_of_its_cells() -> None:
    images = load_digits().images[:3].numpy()
    automaton = random_automaton(dtype=torch.float32)
    seen = list(watch(automaton, images, 4, seeded(1)))
    assert len(seen) == 4
    for grid, counts in seen:
        for number in range(3):
            cells = outputs(grid, ARTICLE)[number].movedim(0, -1)[alive(grid[number, 0], ARTICLE)]
            assert (cells.argmax(1).bincount(minlength=10) == counts[number]).all()
    assert (seen[-1][0][:, 0] * 255).round().byte().equal(torch.from_numpy(images))
