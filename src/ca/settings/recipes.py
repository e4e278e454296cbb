"""Recipes: how long and how deep to train, how the weights are updated, and the learning rate over a run."""

from dataclasses import dataclass, replace
from typing import Literal

from ca.settings.choices import RecipeName


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train.

    Attributes:
        optimiser: what updates the three weight matrices; the biases are always Adam's
        rate: peak learning rate
        betas: decay of the moments, first and second
        epsilon: Adam's and SOAP's
        schedule: "linear" warms up over `WARM_UP` steps and decays linearly, to zero after the last step;
            "drops" is the article's
        steps: training steps, unless the user gives others
        normalise: divide each parameter tensor's gradient by its norm, so that every batch counts alike
        ticks: least and most ticks a step, or four numbers: those at the start and those at the end of a
            run, unless the user gives others
    """

    optimiser: Literal["soap", "adam"]
    rate: float
    betas: tuple[float, float]
    epsilon: float
    schedule: Literal["linear", "drops"]
    normalise: bool
    steps: int
    ticks: tuple[int, ...]

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 1, of a run of so many steps."""
        if self.schedule == "drops":
            return self.rate * 0.1 ** sum(step - 1 > drop for drop in ARTICLE_DROPS)
        return self.rate * min(1.0, step / WARM_UP) * (steps - step + 1) / steps


ARTICLE_DROPS = (30_000, 70_000)  # steps done; article's notebook, "Init training"
WARM_UP = 100

BEST = Recipe(
    optimiser="soap",
    rate=1.5e-3,
    betas=(0.9, 0.99),
    epsilon=1e-8,
    schedule="linear",
    normalise=False,  # what batches with mistaken digits have to teach would be drowned
    steps=100_000,
    ticks=(10, 20, 30, 50),
)
ARTICLE = Recipe(
    optimiser="adam",
    rate=1e-3,
    betas=(0.9, 0.999),
    epsilon=1e-7,  # the default of Keras, which the article used
    schedule="drops",
    normalise=True,
    steps=100_000,
    ticks=(20, 20),
)
RECIPES: dict[RecipeName, Recipe] = {
    "best": BEST,
    "quick": replace(BEST, rate=3e-3, steps=4_000, normalise=True),
    "article": ARTICLE,
}
