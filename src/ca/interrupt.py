"""Ctrl-C and SIGTERM: finish the step, then save and stop; the second time, stop at once."""

import signal
import sys
from types import FrameType


class StopSignal:
    """Within its `with` block, `signal` is the number of the first stop signal that came, else 0."""

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> "StopSignal":
        self._previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number, handler in self._previous.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)
        print("\nfinishing the step, then saving; once more stops at once", file=sys.stderr)
