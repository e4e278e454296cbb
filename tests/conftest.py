"""Settings and fixtures of all tests."""

import signal
from collections.abc import Iterator

import hypothesis
import pytest
import torch
from support.helpers import NO_FOLDER
from support.small_run import quick, stopped_run, whole_run  # noqa: F401 - fixtures

from ca.data.digits import Digits, load_digits

# The same examples in every run, and no deadline: a test's verdict must not depend on luck or load.
hypothesis.settings.register_profile("ca", deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.register_profile(
    "fuzz", hypothesis.settings.get_profile("ca"), max_examples=100_000, database=None
)
hypothesis.settings.load_profile("ca")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Use one thread: the tensors of the tests are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="session")
def _signals_of_a_terminal() -> Iterator[None]:
    """Whoever runs the tests in the background may have them ignore signals, which a run would keep to."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    kept = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def few_digits() -> Digits:
    """Load the first 64 training digits of MNIST."""
    digits = load_digits("mnist", "train", NO_FOLDER)[:64]
    return Digits(digits.images.clone(), digits.labels.clone())
