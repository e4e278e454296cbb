"""Programs that are run: each has a time limit, and is ended together with the programs that it started."""

import os
import signal
import subprocess
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress


def start(
    command: Sequence[str], *, stdin: int, stdout: int, stderr: int, bufsize: int = -1
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C does not reach it and `end` ends all of it.

    Raises:
        OSError: it can't be started
        ValueError: a word contains a null byte
    """
    return subprocess.Popen(
        command, bufsize=bufsize, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
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
        OSError: it can't be started
        TimeoutError: it did not end in time
        ValueError: a word contains a null byte
    """
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]} did not end within {limit:g} seconds") from None
    finally:
        if process.returncode is None:
            end(process)
        assert process.stdout is not None
        process.stdout.close()
    return process.returncode, output.decode(errors="replace")


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
