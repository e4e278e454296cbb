"""Which digits an automaton is worst at, and the figure of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from support.helpers import seeded
from support.sizes import DEAD, UNDECIDED
from torch import Tensor

from ca.render.palette import palette_of
from ca.report.worst import agreed_on_wrong, draw_worst, never_agreed

PALETTE = palette_of("distinct", 10)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures instead of writing them."""
    drawn: list[Figure] = []
    monkeypatch.setattr("ca.report.worst.save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def random_votes(seed: int, ticks: int = 3, digits: int = 60) -> tuple[Tensor, Tensor]:
    """Make votes of two classes, often unanimous, of few cells so that many digits tie; and labels."""
    generator = seeded(seed)
    cells = torch.randint(6, (digits,), generator=generator)  # of some none
    votes = torch.zeros(ticks, digits, 10, dtype=torch.int32)
    for tick in range(ticks):
        for digit in range(digits):
            first, second = torch.randperm(3, generator=generator)[:2].tolist()
            share = int(torch.randint(int(cells[digit]) + 1, (1,), generator=generator))
            votes[tick, digit, first] += share
            votes[tick, digit, second] += int(cells[digit]) - share
    return votes, torch.randint(3, (digits,), generator=generator)


@pytest.mark.parametrize("seed", range(5))
def test_never_agreed_by_brute_force(seed: int) -> None:
    votes, _ = random_votes(seed)
    expected = []
    for digit in range(60):
        of_ticks = votes[:, digit].tolist()
        if sum(of_ticks[-1]) and all(sum(count > 0 for count in tick) > 1 for tick in of_ticks):
            expected.append((max(of_ticks[-1]) / sum(of_ticks[-1]), digit))
    assert len({share for share, _ in expected}) < len(expected), "there are ties"
    assert never_agreed(votes).tolist() == [digit for _, digit in sorted(expected)]


@pytest.mark.parametrize("seed", range(5))
def test_agreed_on_wrong_by_brute_force(seed: int) -> None:
    votes, labels = random_votes(seed)
    expected = []
    for digit, label in enumerate(labels.tolist()):
        wrong = []
        for counts in votes[:, digit].tolist():
            classes = [index for index, count in enumerate(counts) if count]
            wrong.append(len(classes) == 1 and classes != [label])
        if wrong[-1]:
            expected.append((-sum(wrong), digit))
    assert len({ticks for ticks, _ in expected}) < len(expected), "there are ties"
    assert agreed_on_wrong(votes, labels).tolist() == [digit for _, digit in sorted(expected)]


def halves(first: int, second: int) -> np.ndarray:
    """Make a digit of 4 x 4 cells: its upper half of one palette index, its lower of another."""
    return np.repeat(np.array([first, first, second, second], dtype=np.uint8)[:, None], 4, 1)


def three_digits() -> tuple[Tensor, Tensor, np.ndarray]:
    """One that never agrees, one that agrees on a wrong class, one that is right; after two ticks."""
    votes = torch.zeros(2, 3, 10, dtype=torch.int32)
    votes[:, 0, 3], votes[:, 0, 8] = 7, 9
    votes[1, 1, 9] = votes[1, 2, 2] = 16
    votes[0, 1, 4] = votes[0, 2, 2] = 16
    return votes, torch.tensor([3, 4, 2]), np.stack([halves(3, 8), halves(9, 9), halves(2, DEAD)])


def test_each_kind_has_its_count_pictures_and_captions(figures: list[Figure]) -> None:
    draw_worst(*three_digits(), PALETTE, name="m", path=Path("unused"))
    above, beneath = figures[0].axes
    assert above.get_title().startswith("1 of 3 digits never agreed in 2 ticks")
    assert beneath.get_title().startswith("1 of 3 digits agree on a wrong class")
    assert [text.get_text() for text in above.texts] == ["3 → 8: 9 of 16"]
    assert [text.get_text() for text in beneath.texts] == ["4 → 9: 16 of 16"]
    for axes, upper, lower in ((above, 3, 8), (beneath, 9, 9)):
        (image,) = axes.images
        pixels = np.asarray(image.get_array()).reshape(-1, 3)
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        seen = {tuple(colour): count for colour, count in zip(colours.tolist(), counts, strict=True)}
        assert set(seen) == {tuple(PALETTE[index].tolist()) for index in (upper, lower, DEAD)}
        assert len(set(seen.values()) - {seen[255, 255, 255]}) == 1, "as many of one half as of the other"


def test_no_more_digits_than_there_is_room_for(figures: list[Figure]) -> None:
    votes, labels, cells = (torch.as_tensor(part) for part in three_digits())
    draw_worst(
        votes.repeat(1, 30, 1),
        labels.repeat(30),
        cells.repeat(30, 1, 1).numpy(),
        PALETTE,
        name="m",
        path=Path("unused"),
    )
    for axes in figures[0].axes:
        assert axes.get_title().startswith("30 of 90 digits")
        assert len(axes.texts) == 16


def test_none_to_show_and_undecided_cells(tmp_path: Path) -> None:
    votes, labels, cells = three_digits()
    cells[0] = UNDECIDED
    draw_worst(votes[:, 2:], labels[2:], cells[2:], PALETTE, name="_$m", path=tmp_path / "none.png")
    draw_worst(votes, labels, cells, PALETTE, name="m", path=tmp_path / "some.png")
    assert (tmp_path / "none.png").stat().st_size < (tmp_path / "some.png").stat().st_size


def test_height_is_that_of_what_there_is(figures: list[Figure]) -> None:
    votes, labels, cells = three_digits()
    heights = {}
    for name, chosen in {"both": [0, 1, 2], "divided": [0, 2], "wrong": [1, 2], "none": [2]}.items():
        draw_worst(votes[:, chosen], labels[chosen], cells[chosen], PALETTE, name=name, path=Path("unused"))
        figure = figures[-1]
        heights[name] = figure.get_size_inches()[1]
        assert len(figure.legends) == (name != "none")
        for axes, kind in zip(figure.axes, ("divided", "wrong"), strict=True):
            assert len(axes.images) == (name in ("both", kind))
            assert axes.get_title().startswith("1 of" if axes.images else f"0 of {len(chosen)} digits ")
    assert heights["both"] > heights["divided"] == heights["wrong"] > heights["none"]
    draw_worst(
        votes.repeat(1, 9, 1),
        labels.repeat(9),
        np.tile(cells, (9, 1, 1)),
        PALETTE,
        name="m",
        path=Path("unused"),
    )
    assert figures[-1].get_size_inches()[1] > heights["both"], "nine of a kind need two rows"
