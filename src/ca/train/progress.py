"""Progress of a training run: a bar in a terminal or a notebook, elsewhere a line every half minute."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ca.system.terminal import print_line, progress_bar, shows_bars

LINE_EVERY = 30.0  # seconds
SPEED_WINDOW = 5.0  # seconds over which the speed is measured


class TrainingProgress:
    """Shows step, loss, steps per minute and the time left, on stderr.

    Attributes:
        steps_per_minute: over the last seconds
    """

    def __init__(self, step: int, steps: int) -> None:
        self._steps = steps
        self._step = self._window_step = step
        self._window_start = self._line_time = time.monotonic()
        self.steps_per_minute = 0.0
        self._text = ""
        self._bar = progress_bar(
            initial=step,
            total=steps,
            smoothing=0.05,
            bar_format="{percentage:3.0f}% {bar} {n_fmt}/{total_fmt} steps, {remaining} left{postfix}",
        )

    def show(self, step: int, loss: float) -> None:
        """Show the number of steps done and the loss."""
        now = time.monotonic()
        elapsed = now - self._window_start
        if elapsed > SPEED_WINDOW or not self.steps_per_minute:
            self.steps_per_minute = round(60 * (step - self._window_step) / max(elapsed, 1e-9), 1)
            self._window_start, self._window_step = now, step
        self._text = f"loss {loss:.3g}, {self.steps_per_minute:,.0f} steps/min"
        self._bar.set_postfix_str(self._text, refresh=False)
        self._bar.update(step - self._step)
        self._step = step
        if not shows_bars() and now - self._line_time > LINE_EVERY:
            self._line_time = now
            minutes = (self._steps - step) / max(self.steps_per_minute, 1e-9)
            print_line(f"step {step}/{self._steps}, {self._text}, {minutes:.0f} min left")

    @contextmanager
    def scoring(self, digits: int) -> Generator[Callable[[int], None]]:
        """Show in the bar how many of the digits are scored, for the `with` block.

        Yields:
            a function to call with the number of digits scored since the last call
        """
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._bar.set_postfix_str(f"scoring {done:,} of {digits:,} digits")

        advance(0)
        yield advance
        self._bar.set_postfix_str(self._text)

    def restart_window(self) -> None:
        """Exclude the time since the last step from the speed: scores and a checkpoint took it."""
        self._window_start, self._window_step = time.monotonic(), self._step

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
