"""Signals that stop a run after the present step, so that it can save."""

import contextlib
import os
import signal
import sys
from collections.abc import Generator
from types import FrameType

STOP_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]  # Windows has no SIGHUP


class StopSignal:
    """Receives stop signals within its `with` block.

    After the first one, Ctrl-C ends the process at once. Other signals do not, because `timeout` and service
    managers send theirs twice.

    Attributes:
        signal: the number of the first stop signal received, or 0
    """

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> "StopSignal":
        self._previous = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        for number, handler in self._previous.items():
            if handler is not signal.SIG_IGN:  # ignored under nohup, for example
                signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self.signal:
            self.signal = number
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            with contextlib.suppress(OSError):  # the terminal may be closed
                os.write(sys.stderr.fileno(), b"\nfinishing the step, then saving; Ctrl-C stops at once\n")


@contextlib.contextmanager
def ended_by_ctrl_c() -> Generator[None]:
    """Within the `with` block Ctrl-C ends the process at once, and prints nothing.

    While modules are imported, a KeyboardInterrupt may be swallowed and surface later as another error.
    """
    previous = signal.getsignal(signal.SIGINT)
    if previous is not signal.SIG_IGN:  # as in a background process
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
