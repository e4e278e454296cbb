"""The random draws of the compiled kernel against a reference of the generator, and their distribution."""

import numpy as np
import pytest
import torch
from support.helpers import seeded
from support.kernel import needs_compiler
from support.sizes import ARTICLE

from ca.architecture import Architecture
from ca.engine.native_backend import native_draws


def threefry(key: list[int], number: np.ndarray, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """Threefry-2x32-20 as its paper writes it, for counters (number, stream << 31)."""
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    keys = [np.uint32(word) for word in (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)]
    x, y = number.astype(np.uint32) + keys[0], np.full_like(number, stream << 31, np.uint32) + keys[1]
    for step in range(20):
        x = x + y
        bits = rotations[step % 8]
        y = (y << np.uint32(bits) | y >> np.uint32(32 - bits)) ^ x
        if step % 4 == 3:
            turn = step // 4 + 1
            x, y = x + keys[turn % 3], y + keys[(turn + 1) % 3] + np.uint32(turn)
    return x, y


def test_the_reference_of_threefry_gives_the_known_answer() -> None:
    """From the test vectors of Random123: key and counter zero."""
    x, y = threefry([0, 0], np.zeros(1, np.int64), 0)
    assert (int(x[0]), int(y[0])) == (0x6B200159, 0x99BA4EFE)


def in_pairs_of_vectors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """In the order in which the kernel writes them: a vector of 16 of the one, then of the other."""
    return np.stack([first.reshape(-1, 16), second.reshape(-1, 16)], 1).flatten()


@needs_compiler
def test_the_draws_are_those_of_threefry_and_the_noise_is_normal() -> None:
    ticks, cells, rate = 3, 1001, 0.3
    draws = native_draws(Architecture(noise=2.0), ticks, cells, rate, seeded(5))
    fires, noise, counts = draws.fires, draws.noise, draws.counts
    key = torch.randint(2**32, (2,), generator=seeded(5)).tolist()
    x, y = threefry(key, np.arange(1504), 0)
    expected = in_pairs_of_vectors(x, y)[: ticks * cells] < rate * 2**32
    assert np.array_equal(fires.numpy().flatten(), expected)

    assert counts == expected.reshape(ticks, cells).sum(1).tolist()
    assert noise.shape == (expected.sum(), 19)
    x, y = threefry(key, np.arange((noise.numel() // 32 + 1) * 16), 1)
    radius = np.sqrt(-2 * np.log((np.float64(x >> np.uint32(9)) + 0.5) / 2**23))
    angle = ((np.float64(y >> np.uint32(9)) + 0.5) / 2**23 - 0.5) * np.pi / 2
    swapped, sign = y & 1 == 1, np.where(y & 2, -1, 1)
    one, other = (
        radius * sign * np.where(swapped == first, np.sin(angle), np.cos(angle)) for first in (True, False)
    )
    expected = 2 * in_pairs_of_vectors(one, other)[: noise.numel()]
    assert np.abs(noise.numpy().flatten() - expected).max() < 5e-5
    assert distance_to_normal(noise.numpy().flatten() / 2) < 1.63 / noise.numel() ** 0.5


def distance_to_normal(numbers: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance; over 1.63 / root(n) in one of 100 normal samples."""
    normal = 0.5 * (1 + torch.erf(torch.from_numpy(np.sort(numbers)).double() / 2**0.5)).numpy()
    ranks = np.arange(len(numbers) + 1) / len(numbers)
    return float(max((normal - ranks[:-1]).max(), (ranks[1:] - normal).max()))


@needs_compiler
def test_the_draws_are_the_same_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda threads=threads: threads)
        draws.append(native_draws(ARTICLE, 7, 5000, 0.5, seeded(1)))
    for other in draws[1:]:
        assert torch.equal(other.fires, draws[0].fires)
        assert torch.equal(other.noise, draws[0].noise)


@needs_compiler
@pytest.mark.parametrize("sizes", [(0, 5), (5, 0), (0, 0)])
def test_nothing_is_drawn_for_no_ticks_or_no_cells(sizes: tuple[int, int]) -> None:
    draws = native_draws(ARTICLE, *sizes, 0.5, seeded(1))
    assert draws.fires.shape == sizes
    assert draws.noise.shape == (0, 19)
    assert draws.counts == [0] * sizes[0]
