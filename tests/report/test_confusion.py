"""The figure of a confusion matrix."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ca.render.palette import ink_on
from ca.report.confusion import draw_confusion


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures instead of writing them."""
    drawn: list[Figure] = []
    monkeypatch.setattr("ca.report.confusion.save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def matrix_of(*errors: tuple[int, int, int]) -> list[list[int]]:
    """Make a matrix with 1,000 right digits of each label, and errors (label, class, count)."""
    matrix = np.eye(10, dtype=int) * 1000
    for label, common, count in errors:
        matrix[label, common] += count
    return matrix.tolist()


def test_every_count_stands_in_its_cell(figures: list[Figure]) -> None:
    draw_confusion(matrix_of((4, 9, 61), (0, 3, 1)), "m", tick=400, path=Path("unused"))
    axes = figures[0].axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    diagonal = {(index, index): "1,000" for index in range(10)}
    assert written == diagonal | {(9, 4): "61", (3, 0): "1"}  # columns are classes, rows are labels
    assert axes.get_ylabel() == "label"
    assert "class" in axes.get_xlabel()
    assert "tick 400: 62 of 10,062 digits wrong" in axes.get_title()


def test_colour_is_the_share_of_the_row_and_the_diagonal_has_none(figures: list[Figure]) -> None:
    matrix = matrix_of((4, 9, 250), (0, 3, 1000), (5, 9, 10))
    draw_confusion(matrix, "m", tick=400, path=Path("unused"))
    (image,) = figures[0].axes[0].images
    shown = np.ma.asarray(image.get_array())
    assert np.ma.getmaskarray(shown).tolist() == np.eye(10, dtype=bool).tolist()
    assert shown[4, 9] == pytest.approx(0.2)
    assert shown[0, 3] == pytest.approx(0.5)
    assert image.norm.vmax == pytest.approx(0.5), "the scale is the errors' own"


@pytest.mark.parametrize("matrix", [matrix_of(), matrix_of((1, 2, 1)), [[0] * 10] * 10])
def test_few_errors_or_none(matrix: list[list[int]], tmp_path: Path) -> None:
    draw_confusion(matrix, "$m", tick=2, path=tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 0


def test_a_single_error_is_not_drawn_in_the_darkest_colour(figures: list[Figure]) -> None:
    draw_confusion(matrix_of((1, 2, 1)), "m", tick=2, path=Path("unused"))
    (image,) = figures[0].axes[0].images
    assert image.norm.vmax == 0.01, "ten times the share of that error"


@pytest.mark.parametrize(("digits_per_label", "errors"), [(1, 1), (42, 3), (1000, 3)])
def test_few_errors_of_a_small_sample_are_pale(
    figures: list[Figure], digits_per_label: int, errors: int
) -> None:
    """The scale depends on the number of digits: ten errors of one kind or more are the darkest."""
    matrix = np.eye(10, dtype=int) * (digits_per_label - errors)
    matrix[range(10), range(9, -1, -1)] += errors
    draw_confusion(matrix.tolist(), "m", tick=2, path=Path("unused"))
    (image,) = figures[0].axes[0].images
    assert image.norm.vmax == pytest.approx(min(1, 10 / digits_per_label))
    shades = image.cmap(image.norm(np.array([errors / digits_per_label])), bytes=True)
    assert ink_on(np.asarray(shades, dtype=np.uint8)[0, :3]) == (0, 0, 0), "black text is legible"
