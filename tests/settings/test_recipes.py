"""The learning rates of the recipes, as literal numbers, and the settings that follow a recipe."""

import pytest

from ca.settings.choices import RecipeName
from ca.settings.recipes import RECIPES
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError


def rate_at(recipe: RecipeName, step: int, steps: int = 100_000) -> float:
    """Return the learning rate of a step of a run."""
    return RECIPES[recipe].rate_at(step, steps)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (1, 1e-3),
        (29_999, 1e-3),
        (30_000, 1e-3),
        (30_001, 1e-3),
        (30_002, 1e-4),
        (70_000, 1e-4),
        (70_001, 1e-4),
        (70_002, 1e-5),
        (100_000, 1e-5),
    ],
)
def test_the_article_s_rate_drops_after_30_000_and_70_000_steps(step: int, rate: float) -> None:
    """PiecewiseConstantDecay([30000, 70000], [1e-3, 1e-4, 1e-5]) of the article's notebook."""
    assert rate_at("article", step) == pytest.approx(rate, rel=1e-12)


def test_the_article_s_drops_do_not_move_with_the_length_of_a_run() -> None:
    assert rate_at("article", 20_000, steps=20_000) == pytest.approx(1e-3)
    assert rate_at("article", 40_000, steps=500_000) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (1, 1.5e-5),
        (50, 7.496325e-4),
        (100, 1.498515e-3),
        (101, 1.4985e-3),
        (50_001, 7.5e-4),
        (90_001, 1.5e-4),
        (100_000, 1.5e-8),
    ],
)
def test_the_best_recipe_s_rate_warms_up_and_falls_linearly(step: int, rate: float) -> None:
    assert rate_at("best", step) == pytest.approx(rate, rel=1e-12)


def test_the_best_recipe_s_rate_falls_over_the_run_s_own_length() -> None:
    assert rate_at("best", 501, steps=1_000) == pytest.approx(7.5e-4, rel=1e-12)
    assert rate_at("quick", 4_000, steps=4_000) == pytest.approx(7.5e-7, rel=1e-12)


@pytest.mark.parametrize(
    ("recipe", "steps", "ticks"),
    [
        ("best", 100_000, (10, 20, 30, 50)),
        ("quick", 4_000, (10, 20, 30, 50)),
        ("article", 100_000, (20, 20)),
        ("drawn", 100_000, (10, 20, 30, 50)),
    ],
)
def test_steps_and_ticks_follow_the_recipe_unless_they_are_given(
    recipe: RecipeName, steps: int, ticks: tuple[int, ...]
) -> None:
    settings = TrainSettings(recipe=recipe)
    assert (settings.steps, settings.ticks) == (steps, ticks)
    given = TrainSettings(recipe=recipe, steps=9, ticks=(3, 4))
    assert (given.steps, given.ticks) == (9, (3, 4))


def test_numbers_of_a_recipe_can_be_set_otherwise() -> None:
    settings = TrainSettings(recipe="quick", rate=1e-4, warm_up=10, optimiser="adam", normalise=False)
    assert settings.optimisation.rate_at(5, 1_000) == pytest.approx(1e-4 * 0.5 * 996 / 1_000)
    assert (settings.optimisation.optimiser, settings.optimisation.normalise) == ("adam", False)
    assert settings.optimisation.betas == RECIPES["quick"].betas
    assert TrainSettings(recipe="quick").optimisation == RECIPES["quick"]


@pytest.mark.parametrize("rate", [0.0, -1e-3, 1.5, float("nan"), float("inf")])
def test_rates_that_cannot_train_are_refused(rate: float) -> None:
    with pytest.raises(UsageError, match=f"--rate must be above 0 and up to 1, not {rate}"):
        TrainSettings(rate=rate)


def test_the_article_s_drops_follow_a_warm_up() -> None:
    article = TrainSettings(recipe="article", warm_up=4).optimisation
    assert [article.rate_at(step, 9) for step in (1, 2, 4, 5)] == pytest.approx([2.5e-4, 5e-4, 1e-3, 1e-3])
