"""Recipes: the optimiser, its learning rate over a run, and the defaults of settings."""

from dataclasses import dataclass, replace
from typing import Literal

from ca.settings.choices import OptimiserName, RecipeName


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How weights are updated, and on what.

    Attributes:
        optimiser: of the weight matrices; the biases are always updated by Adam
        rate: highest learning rate
        betas: decay rates of the first and second moments
        epsilon: of Adam and SOAP
        schedule: "linear": the rate falls linearly, to zero after the last step;
            "drops": it falls to a tenth after each of `ARTICLE_DROPS`
        warm_up: steps in which the rate grows to its highest
        normalise: divide each parameter tensor's gradient by its norm, so that all batches weigh the same
        steps: default of `--steps`
        ticks: default of `--ticks`: least and most ticks a step, or four numbers: those at the start and
            those at the end of a run
        augment: default of `--augment`
        written_share: default of `--written-share`
        fire_rate: default of `--fire-rate`; empty for the automaton's own
    """

    optimiser: OptimiserName
    rate: float
    betas: tuple[float, float]
    epsilon: float
    schedule: Literal["linear", "drops"]
    warm_up: int
    normalise: bool
    steps: int
    ticks: tuple[int, ...]
    augment: bool = False
    written_share: float = 0.0
    fire_rate: tuple[float, ...] = ()

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 1, in a run of `steps` steps."""
        rate = self.rate * min(1.0, step / self.warm_up)
        if self.schedule == "drops":
            return rate * 0.1 ** sum(step - 1 > drop for drop in ARTICLE_DROPS)
        return rate * (steps - step + 1) / steps


ARTICLE_DROPS = (30_000, 70_000)  # steps; article's notebook, "Init training"

BEST = Recipe(
    optimiser="soap",
    rate=1.5e-3,
    betas=(0.9, 0.99),
    epsilon=1e-8,
    schedule="linear",
    warm_up=100,
    normalise=False,  # normalised, the rare batches with misclassified digits would count too little
    steps=100_000,
    ticks=(10, 20, 30, 50),
)
ARTICLE = Recipe(
    optimiser="adam",
    rate=1e-3,
    betas=(0.9, 0.999),
    epsilon=1e-7,  # default of Keras, which the article used
    schedule="drops",
    warm_up=1,
    normalise=True,
    steps=100_000,
    ticks=(20, 20),
)
RECIPES: dict[RecipeName, Recipe] = {
    "best": BEST,
    "quick": replace(BEST, rate=3e-3, steps=4_000, normalise=True),
    "article": ARTICLE,
    "drawn": replace(BEST, rate=7.5e-4, augment=True, written_share=0.25, fire_rate=(0.25, 1.0)),
}
