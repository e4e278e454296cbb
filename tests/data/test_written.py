"""Written digits: seeds, sizes, places, and whether an automaton that knows only MNIST can read them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ca
from ca.data.forms import FORMS
from ca.data.written import SHARES, brush_diameters, write_digits
from ca.sizes import BOARD_SIDE

ALIVE = 0.1 * 255


def test_a_seed_writes_the_same_digits_again() -> None:
    images, labels = write_digits(300, 7)
    again, same_labels = write_digits(300, np.random.default_rng(7))
    assert images.dtype == np.uint8
    assert images.shape == (300, BOARD_SIDE, BOARD_SIDE)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, same_labels)
    others, _ = write_digits(300, 8)
    assert (images != others).any(axis=(1, 2)).all()
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300


def test_classes_are_equally_likely_and_every_form_appears() -> None:
    _, labels = write_digits(2000, 1)
    shares = np.bincount(labels) / len(labels)
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.025)
    assert SHARES.sum() == pytest.approx(1)
    assert SHARES.min() > 0.001
    for label in range(10):
        assert SHARES[[form.label == label for form in FORMS]].sum() == pytest.approx(0.1)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([28, 40, 56, 64, 90]))
def test_digits_of_all_sizes_are_whole_on_their_boards(seed: int, side: int) -> None:
    images, _ = write_digits(20, seed, side)
    assert (images.max(axis=(1, 2)) > ALIVE).all()
    rows = (images > 0).any(axis=2)
    heights = rows.sum(axis=1)
    assert heights.min() >= 8 + 1 - 1, "the path, the brush, and what rounding takes"
    assert heights.max() <= min(52 + 5 + 2, side)
    rim = np.concatenate([images[:, [0, -1]].reshape(20, -1), images[:, :, [0, -1]].reshape(20, -1)], axis=1)
    assert rim.max() <= 128 + 1, "full ink ends half a cell before the last ink"


def test_each_size_is_as_likely_as_its_double_and_digits_are_everywhere() -> None:
    images, _ = write_digits(600, 2)
    ink = images > ALIVE
    heights = ink.any(axis=2).sum(axis=1)
    assert np.quantile(heights, [0.1, 0.5, 0.9]) == pytest.approx([12, 22.5, 46], rel=0.12)
    _, rows, columns = np.nonzero(ink)
    assert len(np.unique(rows)) >= BOARD_SIDE - 2
    assert len(np.unique(columns)) >= BOARD_SIDE - 2


@given(st.floats(8, 52), st.floats(0.01, 2), st.sampled_from(range(10)), st.integers(0, 2**32))
def test_brushes_are_one_to_five_cells_and_leave_loops_open(
    height: float, aspect: float, label: int, seed: int
) -> None:
    extent = np.tile([aspect * height, height], (100, 1))
    diameters = brush_diameters(extent, np.full(100, label), np.random.default_rng(seed))
    widest = 0.28 * height if label == 1 else min(0.28 * height, 0.45 * aspect * height)
    assert diameters.min() >= 1
    assert diameters.max() <= max(1, min(5, widest)) + 1e-9
    assert diameters.max() >= 0.9 * max(1, min(5, widest))
    assert np.median(diameters) == pytest.approx(np.sqrt(max(1, min(5, widest))), rel=0.3)


def test_a_board_too_small_is_refused() -> None:
    write_digits(5, 1, side=14)
    with pytest.raises(ValueError, match=r"^a board of 13 cells is too small for digits: give at least 14$"):
        write_digits(5, 1, side=13)


def test_the_bundled_automaton_reads_digits_of_mnist_s_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has seen no written digit: these are people's digits to it too."""
    monkeypatch.setattr("ca.data.written.HEIGHTS", (20, 20))
    monkeypatch.setattr("ca.data.written.WIDTHS", (2, 3))
    images, labels = write_digits(150, 3, side=36)
    classes = ca.classify(ca.CellularAutomaton.from_pretrained(), images, ticks=60).classes
    assert (np.asarray(classes) == labels).mean() >= 0.9
