"""Memory and start-up time of whole commands."""

import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ca.settings.commands import BenchmarkSettings
from ca.system.errors import FailedError

TIMES = 3  # each of three short commands
RUNS = 3 * TIMES + 2  # of all commands
STEPS = 60  # after these a training run has reached its peak
LAUNCHER = """
import json, subprocess, sys, threading, time
try:
    import resource
except ImportError:  # on Windows
    import psutil

def watch(pid):
    # In bytes. In a virtual environment, Windows starts Python through another process.
    peaks = {}
    while not ended.is_set():
        try:
            parent = psutil.Process(pid)
            for process in [parent, *parent.children(recursive=True)]:
                memory = process.memory_info()
                peak = getattr(memory, "peak_wset", memory.rss)
                peaks[process.pid] = max(peaks.get(process.pid, 0), peak)
                highest[0] = max(peaks.values())
        except psutil.Error:  # it has just ended
            pass
        ended.wait(0.01)

ended, highest = threading.Event(), [0]
start = time.perf_counter()
streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
with subprocess.Popen(sys.argv[1:], **streams) as child:
    if "resource" not in globals():
        watcher = threading.Thread(target=watch, args=[child.pid], daemon=True)
        watcher.start()
    output, _ = child.communicate()
seconds = time.perf_counter() - start
ended.set()
if "resource" in globals():
    unit = 1 if sys.platform == "darwin" else 1024
    highest[0] = unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
last_line = output.decode(errors="replace").strip().splitlines()[-1:]
print(json.dumps([child.returncode, seconds, highest[0], "".join(last_line)]))
"""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Peak resident memory in MB, the median of some runs, and seconds, the least of some runs."""

    help_seconds: float
    import_torch_seconds: float
    evaluate_four_ticks_seconds: float
    evaluate_seconds_above_torch: float
    import_torch_peak_mb: float
    training_peak_mb: float
    training_mb_above_torch: float
    board_of_400_digits_peak_mb: float


def measure_processes(settings: BenchmarkSettings, advance: Callable[[], object]) -> Processes:
    """Run the commands one by one; `advance` is called after each run.

    Raises:
        FailedError: a command failed
    """
    batch = ["--batch-size", str(settings.batch_size), "--pool-size", str(10 * settings.batch_size)]
    board = ["--layout", "board", "--batch-size", "400", "--board-size", "560", "--zoom-scale", "1"]

    def run(times: int, arguments: Sequence[str]) -> tuple[float, float]:
        runs = []
        for _ in range(times):
            runs.append(_run(arguments))
            advance()
        seconds, peaks = zip(*runs, strict=True)
        return min(seconds), statistics.median(peaks)

    torch_seconds, torch_peak = run(TIMES, ["-c", "import torch"])
    help_seconds, _ = run(TIMES, ["-m", "ca", "--help"])
    evaluate_seconds, _ = run(TIMES, ["-m", "ca", "evaluate", "--n-steps-per-stage", "4"])
    _, train_peak = run(1, ["-m", "ca", "train", "--recipe", "article", "--steps", str(STEPS), *batch])
    _, board_peak = run(1, ["-m", "ca", "evaluate", "--n-stages", "1", "--n-steps-per-stage", "4", *board])
    return Processes(
        help_seconds=help_seconds,
        import_torch_seconds=torch_seconds,
        evaluate_four_ticks_seconds=evaluate_seconds,
        evaluate_seconds_above_torch=evaluate_seconds - torch_seconds,
        import_torch_peak_mb=torch_peak,
        training_peak_mb=train_peak,
        training_mb_above_torch=train_peak - torch_peak,
        board_of_400_digits_peak_mb=board_peak,
    )


def _run(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of a Python process, in an empty folder."""
    command = [sys.executable, *arguments]
    with tempfile.TemporaryDirectory() as folder:
        # The peak of a process starts at that of its parent, so a small process runs the command.
        launcher = [sys.executable, "-c", LAUNCHER, *command]
        output = subprocess.run(launcher, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    code, seconds, peak, last_line = json.loads(output)
    if code:
        raise FailedError(f"{shlex.join(command)} failed: {last_line}")
    return seconds, peak / 1e6
