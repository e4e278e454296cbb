"""Recipes: how the weights are updated, and how the learning rate changes over a run."""

from dataclasses import dataclass
from typing import Literal

from ca.settings import RecipeName


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Optimiser and schedule.

    Attributes:
        optimiser: what updates the three weight matrices; the biases are always Adam's
        weight_rate: peak learning rate of the weight matrices
        bias_rate: peak learning rate of the biases
        schedule: "linear" warms up over `warm_up` steps and decays linearly, to zero after the last step;
            "drops" is the article's
    """

    optimiser: Literal["muon", "adam"]
    weight_rate: float
    bias_rate: float
    schedule: Literal["linear", "drops"]
    warm_up: int

    def rate_factor(self, step: int, steps: int) -> float:
        """Share of the peak learning rate at a step, counted from 1, of a run of so many steps."""
        if self.schedule == "drops":
            return 0.1 ** sum(step - 1 > drop for drop in ARTICLE_DROPS)
        return min(1.0, step / self.warm_up) * (steps - step + 1) / steps


ARTICLE_DROPS = (30_000, 70_000)  # steps done; article's notebook, "Init training"

RECIPES: dict[RecipeName, Recipe] = {
    "best": Recipe(optimiser="muon", weight_rate=5e-3, bias_rate=1e-3, schedule="linear", warm_up=100),
    "article": Recipe(optimiser="adam", weight_rate=1e-3, bias_rate=1e-3, schedule="drops", warm_up=1),
}
