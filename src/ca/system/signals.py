"""Signals that stop a run after the present step, so that it can save."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator
from types import FrameType

STOP_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]  # Windows has no SIGHUP


class StopSignal:
    """Receives stop signals within its `with` block.

    After the first one, Ctrl-C ends the process at once. Other signals do not, because `timeout` and service
    managers send theirs twice.

    Python calls its handlers between two instructions of Python only, and the kernel, or waiting for another
    process, may take long. So a thread is woken by signals too: it answers the first, and ends the process
    where the handler could not prepare for the second.

    Attributes:
        signal: the number of the first stop signal received, or 0
    """

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> "StopSignal":
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._previous_wakeup = signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self._previous = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        self._received = [number for number, old in self._previous.items() if old is not signal.SIG_IGN]
        for number in self._received:  # the others are ignored, under nohup for example
            signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        self._waking.close()  # ends the watcher
        self._watcher.join()
        self._woken.close()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self.signal:
            self.signal = number
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def _watch(self) -> None:
        first = 0
        while woken := self._woken.recv(1):
            number = woken[0]
            if first and number == signal.SIGINT:
                os._exit(128 + number)
            if not first and number in self._received:
                first = number
                with contextlib.suppress(OSError):  # the terminal may be closed
                    os.write(
                        sys.stderr.fileno(), b"\nfinishing the step, then saving; Ctrl-C stops at once\n"
                    )


def end_by_ctrl_c() -> None:
    """From now on Ctrl-C ends the process at once, and prints nothing. For the main thread."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in a background process
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def ended_by_ctrl_c() -> Generator[None]:
    """Within the `with` block Ctrl-C ends the process at once, and prints nothing. For the main thread.

    While modules are imported, a KeyboardInterrupt may be swallowed and surface later as another error.
    """
    previous = signal.getsignal(signal.SIGINT)
    end_by_ctrl_c()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def raised_by_ctrl_c() -> Generator[None]:
    """Within the `with` block Ctrl-C raises KeyboardInterrupt where it would end the process at once."""
    ends = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    if not ends or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def held_back_ctrl_c() -> Generator[None]:
    """Within the `with` block Ctrl-C waits until its end, where it does what it did before."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)
