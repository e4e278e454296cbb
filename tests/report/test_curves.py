"""What the figures over the ticks show, read from their axes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from ca.report.curves import draw_magnitudes, draw_shares

METRICS = ("cell_accuracy", "agreement", "mean_abs_state", "mean_abs_residual")
ARTICLE = "article, L2 + noise"


def curves_of(plateau: float, ticks: int = 200) -> dict[str, list[float]]:
    """Make curves that rise to a plateau in both stages, those of each metric a little lower."""
    rise = 1 - np.exp(-np.arange(1, ticks + 1) / 5)
    return {
        name: [*(plateau * rise - 0.001 * number), *(plateau * rise - 0.002 * number)]
        for number, name in enumerate(METRICS)
    }


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collect the figures instead of writing them."""
    drawn: list[Figure] = []
    monkeypatch.setattr("ca.report.curves.save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def shares(
    figures: list[Figure], curves: dict[str, dict[str, list[float]]], ticks: int = 200, article: bool = True
) -> tuple[Axes, Axes]:
    draw_shares(curves, ticks, with_article=article, path=Path("unused"))
    accuracy, agreement = figures[-1].axes
    return accuracy, agreement


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text().strip() for text in figure.legends[0].get_texts()]


def points_of(lines: Sequence[Line2D]) -> list[tuple[float, float]]:
    """List the points (tick, value) of some lines, one line after the other."""
    return [(x, y) for line in lines for x, y in np.asarray(line.get_xydata()).tolist()]


def article_points(axes: Axes) -> list[tuple[float, float]]:
    return points_of([line for line in axes.lines if line.get_label() == ARTICLE])


def test_lines_are_the_curves_of_every_checkpoint(figures: list[Figure]) -> None:
    curves = {"a/m": curves_of(0.97), "b/m": curves_of(0.93)}
    draw_magnitudes(curves, 200, path=Path("unused"))
    panels = zip(METRICS, (*shares(figures, curves), *figures[0].axes), strict=True)
    for metric, axes in panels:
        for number, of_checkpoint in enumerate(curves.values()):
            before, after = axes.lines[2 * number : 2 * number + 2]
            assert points_of([before, after]) == list(enumerate(of_checkpoint[metric], 1)), metric
            assert len(points_of([before])) == 200, "the mutation breaks the line"
            assert before.get_color() == after.get_color()
        assert axes.lines[0].get_color() != axes.lines[2].get_color()
    assert legend_of(figures[0]) == ["a/m", "b/m"]
    assert legend_of(figures[1]) == ["a/m", "b/m", ARTICLE]


def test_mutation_is_marked_between_its_ticks_and_named(figures: list[Figure]) -> None:
    curves = {"m": curves_of(0.9, ticks=30)}
    draw_magnitudes(curves, 30, path=Path("unused"))
    for axes in (*shares(figures, curves, ticks=30), *figures[0].axes):
        places = [{tick for tick, _ in points_of([line])} for line in axes.lines]
        (mark,) = [ticks for ticks in places if len(ticks) == 1]
        assert 30 < min(mark) < 31
        (name,) = [text for text in axes.texts if text.get_text() == "mutation"]
        assert name.get_position()[0] in mark


def test_points_of_the_article(figures: list[Figure]) -> None:
    accuracy, agreement = shares(figures, {"m": curves_of(0.97)})
    assert article_points(accuracy) == [(65, 0.954), (200, 0.953)]
    assert article_points(agreement) == [(190, 0.882), (200, 0.881)]


def test_points_of_the_article_only_where_they_mean_something(figures: list[Figure]) -> None:
    """Not on other data sets, and not after a mutation that came earlier than the article's."""
    for axes in shares(figures, {"m": curves_of(0.97)}, article=False):
        assert article_points(axes) == []
    accuracy, agreement = shares(figures, {"m": curves_of(0.97, ticks=70)}, ticks=70)
    assert article_points(accuracy) == [(65, 0.954)]
    assert article_points(agreement) == []
    shares(figures, {"m": curves_of(0.97, ticks=50)}, ticks=50)
    assert legend_of(figures[-1]) == ["m"]


@pytest.mark.parametrize("plateau", [0.1, 0.5, 0.8, 0.95, 0.99, 1.0])
def test_axis_of_shares_shows_every_plateau_in_its_upper_half(figures: list[Figure], plateau: float) -> None:
    for axes in shares(figures, {"good": curves_of(1.0), "other": curves_of(plateau)}, article=False):
        bottom, top = axes.get_ylim()
        assert 0 <= bottom <= 0.9
        assert 1 < top < 1.03
        lowest = plateau - 0.002
        assert bottom == 0 or lowest >= (bottom + 1) / 2
        assert bottom > 0.85 or lowest < 0.97, "good automata are looked at closely"


def test_shares_are_labelled_in_percent(figures: list[Figure]) -> None:
    for axes in shares(figures, {"m": curves_of(0.95)}):
        labels = [axes.yaxis.get_major_formatter()(share, 0) for share in (0.57, 0.925, 1.0)]
        assert labels == ["57%", "92.5%", "100%"]


def test_many_checkpoints_all_look_different(figures: list[Figure]) -> None:
    names = [f"run {number}" for number in range(16)]
    axes, _ = shares(figures, dict.fromkeys(names, curves_of(0.9)))
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines if line.get_label() in names}
    assert len(looks) == 16


def test_names_with_letters_that_matplotlib_takes_for_its_own(tmp_path: Path) -> None:
    """A dollar starts a formula, a leading underscore hides a line."""
    names = ["_hidden", "$x^$", "long-" * 30]
    path = tmp_path / "curves.png"
    draw_shares({name: curves_of(0.9) for name in names}, 200, with_article=True, path=path)
    with Image.open(path) as image:
        assert image.width == 1800
        assert image.info["dpi"] == pytest.approx((200, 200), abs=1)


def test_legend_names_checkpoints_as_they_are_called(figures: list[Figure]) -> None:
    shares(figures, {"_hidden": curves_of(0.9), "a": curves_of(0.9)})
    assert legend_of(figures[-1]) == ["_hidden", "a", ARTICLE]


def test_automaton_that_never_moves(tmp_path: Path) -> None:
    """Its residual is zero at all ticks, which a logarithmic axis can't show."""
    still = {name: [0.0] * 6 for name in METRICS}
    draw_magnitudes({"m": still}, 3, path=tmp_path / "magnitudes.png")
    assert (tmp_path / "magnitudes.png").stat().st_size > 0


@pytest.mark.parametrize(("growth", "least"), [(1.0, 3), (1.05, 4)])
def test_magnitudes_are_on_logarithmic_axes_with_numbers(
    figures: list[Figure], growth: float, least: int
) -> None:
    """Of an automaton that comes to rest, and of one whose state grows by 5 % a tick."""
    curves = curves_of(0.9)
    for name in METRICS:
        curves[name] = [value * growth**tick for tick, value in enumerate(curves[name])]
    draw_magnitudes({"m": curves}, 200, path=Path("unused"))
    figures[0].draw_without_rendering()
    for axes in figures[0].axes:
        assert axes.get_yscale() == "log"
        low, high = axes.get_ylim()
        shown = [tick for tick in axes.yaxis.get_major_ticks() if low < tick.get_loc() < high]
        assert len([tick for tick in shown if tick.label1.get_text()]) >= least
