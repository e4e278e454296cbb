"""Random pen strokes for tests of the brush."""

import numpy as np
from numpy.typing import NDArray


def some_strokes(seed: int, side: int) -> list[NDArray[np.float64]]:
    """One to four random walks, from a dot to 30 places, partly beyond the rim of a board of `side` cells."""
    random = np.random.default_rng(seed)
    strokes = []
    for _ in range(random.integers(1, 5)):
        steps = random.normal(scale=random.choice([0.3, 1, 6]), size=(random.integers(1, 31), 2))
        strokes.append(random.uniform(0, side, 2) + steps.cumsum(axis=0))
    return strokes
