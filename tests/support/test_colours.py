"""The colour distance that other tests use."""

import numpy as np
import pytest

from support.colours import ciede2000


def test_ciede2000_of_published_pairs() -> None:
    """Pairs 1, 7 and 25 of their test data."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ]
    for one, other, distance in pairs:
        assert ciede2000(np.array(one), np.array(other)) == pytest.approx(distance, abs=1e-4)
