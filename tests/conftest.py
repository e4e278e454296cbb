"""Settings and fixtures of all tests. Each worker of pytest-xdist has a session and fixtures of its own."""

import functools
import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest
import torch
from support.helpers import NO_FOLDER
from support.small_run import quick, stopped_run, whole_run  # noqa: F401 - fixtures

from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.data.named import bundled_mnist

MAX_WORKERS = 8  # each imports PyTorch and starts a browser; more would hardly be faster

# The same examples in every run, and no deadline, so that results depend on neither luck nor load.
hypothesis.settings.register_profile("ca", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.register_profile(
    "fuzz", hypothesis.settings.get_profile("ca"), max_examples=100_000, database=None
)
hypothesis.settings.load_profile("ca")


def pytest_xdist_auto_num_workers() -> int:
    """Three workers on two logical cores, as many tests wait for a browser, a child process or a clock."""
    return min(3 * (os.cpu_count() or 1) // 2, MAX_WORKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no worker waits for one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Use one thread, here and in child processes: tensors are small, and the workers share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="session")
def _no_waiting() -> Iterator[None]:
    """Read MNIST once, and do not wait for the disk: no test takes the power away."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("ca.data.load.bundled_mnist", functools.cache(bundled_mnist))
        patches.setattr("os.fsync", os.fstat)  # which also refuses what is no open file
        yield


@pytest.fixture(autouse=True, scope="session")
def _signals_of_a_terminal() -> Iterator[None]:
    """Reset ignored signals: shells let background jobs ignore them, and training runs respect that."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    kept = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def few_digits() -> Digits:
    """Return the first 64 training digits of MNIST."""
    digits = load_digits("mnist", "train", NO_FOLDER)[:64]
    return Digits(digits.images.clone(), digits.labels.clone())
