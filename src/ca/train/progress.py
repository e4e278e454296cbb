"""Progress of a training run: a bar in a terminal, a plain line now and then elsewhere."""

import sys
import time

from tqdm import tqdm

from ca.system.terminal import print_line

PLAIN_LINE_EVERY = 30.0  # seconds
SPEED_WINDOW = 5.0  # seconds over which steps/min are counted


class TrainingProgress:
    """Shows step, loss, steps/min and the time left, on stderr."""

    def __init__(self, step: int, steps: int) -> None:
        self._steps = steps
        self._step = self._window_step = step
        self._window_start = self._line_time = time.monotonic()
        self.steps_per_minute = 0.0
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            initial=step,
            total=steps,
            disable=not self._terminal,
            smoothing=0.05,
            bar_format="{percentage:3.0f}% {bar} {n_fmt}/{total_fmt} steps, {remaining} left{postfix}",
        )

    def show(self, step: int, loss: float) -> None:
        """Tell of the steps done so far and the present loss."""
        now = time.monotonic()
        elapsed = now - self._window_start
        if elapsed > SPEED_WINDOW or not self.steps_per_minute:
            self.steps_per_minute = round(60 * (step - self._window_step) / max(elapsed, 1e-9), 1)
            self._window_start, self._window_step = now, step
        self._bar.set_postfix_str(f"loss {loss:.3g}, {self.steps_per_minute:,.0f} steps/min", refresh=False)
        self._bar.update(step - self._step)
        self._step = step
        if not self._terminal and now - self._line_time > PLAIN_LINE_EVERY:
            self._line_time = now
            minutes = (self._steps - step) / max(self.steps_per_minute, 1e-9)
            self.say(
                f"step {step}/{self._steps}, loss {loss:.3g}, "
                f"{self.steps_per_minute:,.0f} steps/min, {minutes:.0f} min left"
            )

    def restart_window(self) -> None:
        """Leave the time since the last step out of the speed: it went into scores and a checkpoint."""
        self._window_start, self._window_step = time.monotonic(), self._step

    def say(self, line: str) -> None:
        """A line of its own, above the bar."""
        print_line(line)

    def close(self) -> None:
        self._bar.close()
