"""Progress of long work on stderr: a bar in a terminal or a notebook, elsewhere a line now and then."""

import sys
import time

from tqdm.asyncio import tqdm_asyncio
from tqdm.auto import tqdm

from ca.system.terminal import print_line

PLAIN_LINE_EVERY = 30.0  # seconds
IN_NOTEBOOK = tqdm is not tqdm_asyncio


class Progress:
    """Shows how much of some work is done and the time left. For use in a `with` block.

    Args:
        total: amount of work
        unit: what the work is counted in; if empty, only the percentage is shown
    """

    def __init__(self, total: float, unit: str = "") -> None:
        self._total, self._unit = total, unit
        self._done, self._label = 0.0, ""
        self._start = self._line_time = time.monotonic()
        self._plain = not (IN_NOTEBOOK or sys.stderr.isatty())
        counts = f" {{n_fmt}}/{{total_fmt}} {unit}s," if unit else ""
        self._bar = tqdm(
            total=total,
            disable=self._plain,
            smoothing=0,  # the time left by the mean speed so far
            bar_format=f"{{desc}}{{percentage:3.0f}}% {{bar}}{counts} {{remaining}} left",
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def label(self, label: str) -> None:
        """Show what is being worked on."""
        self._label = f"{label}: "
        self._bar.set_description(label)

    def advance(self, amount: float = 1) -> None:
        """Count work that is done."""
        self._done += amount
        self._bar.update(amount)
        now = time.monotonic()
        if self._plain and now - self._line_time > PLAIN_LINE_EVERY:
            self._line_time = now
            left = (now - self._start) * (self._total - self._done) / self._done
            counts = f" {self._done:g}/{self._total:g} {self._unit}s," if self._unit else ""
            share = f"{self._done / self._total:.0%},"
            print_line(f"{self._label}{share}{counts} {tqdm_asyncio.format_interval(left)} left")
