"""Programs that are run: each has a time limit, and is ended together with the programs that it started."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import IO

from ca.system.signals import held_back_ctrl_c, raised_by_ctrl_c

MAX_OUTPUT = 10_000_000  # bytes that a program may print


def start(
    command: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    bufsize: int = -1,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C does not reach it and `end` ends all of it.

    Args:
        environment: variables that it has besides those of this process

    Raises:
        OSError: it can't be started
        ValueError: a word contains a null byte
    """
    inherited = {name: value for name, value in os.environ.items() if name != "FFREPORT"}  # it writes files
    return subprocess.Popen(
        command,
        bufsize=bufsize,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**inherited, **environment},
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and those that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def output_of(command: Sequence[str], *, limit: float) -> tuple[int, str]:
    """Run a program; its exit code, and what it wrote to stdout and stderr.

    Args:
        limit: seconds

    Raises:
        OSError: it can't be started, or prints more than `MAX_OUTPUT` bytes
        TimeoutError: it, or a program that it started and that still prints, did not end in time
        ValueError: a word contains a null byte
    """
    with raised_by_ctrl_c():  # so that the program ends with this process
        return _output_of(command, limit)


def _output_of(command: Sequence[str], limit: float) -> tuple[int, str]:
    begin = time.monotonic()
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    printed: list[bytes] = []

    def read(stream: IO[bytes]) -> None:
        with stream:
            printed.append(stream.read(MAX_OUTPUT))

    try:
        with held_back_ctrl_c():  # it must not come between the start and knowing what was started
            process = start(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        # A daemon, because a program that escaped may keep the pipe open.
        reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
        reader.start()
        reader.join(limit)
        if printed and len(printed[0]) == MAX_OUTPUT:
            raise OSError("it prints without end")
        if reader.is_alive():
            raise subprocess.TimeoutExpired(command, limit)
        code = process.wait(max(0.0, begin + limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]} did not end within {limit:g} seconds") from None
    finally:
        if process is not None and process.returncode is None:
            end(process)
        if process is not None and process.stdout is not None and reader is None:
            process.stdout.close()
    return code, b"".join(printed).decode(errors="replace")


@contextmanager
def ended_after(process: subprocess.Popen[bytes], limit: float) -> Generator[threading.Event]:
    """End a program if the `with` block, which waits for it, takes longer than `limit` seconds.

    Yields:
        an event that is set if it was ended
    """
    ended = threading.Event()

    def stop() -> None:
        ended.set()
        end(process)

    timer = threading.Timer(limit, stop)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()
