"""What whole commands take: their memory, and the time until they start to work."""

import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from ca.settings.commands import BenchmarkSettings
from ca.system.errors import FailedError

TIMES = 3
STEPS = 60  # enough for a training run to reach its peak
LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
done = subprocess.run(sys.argv[1:], **streams)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
last_words = done.stdout.decode(errors="replace").strip().splitlines()[-1:]
print(json.dumps([done.returncode, seconds, peak, "".join(last_words)]))
"""
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def processes(settings: BenchmarkSettings) -> dict[str, float]:
    """Peak resident memory in MB, and seconds, the least of some runs.

    Raises:
        FailedError: a command failed
    """
    batch = ["--batch-size", str(settings.batch_size), "--pool-size", str(10 * settings.batch_size)]
    board = ["--layout", "board", "--batch-size", "400", "--board-size", "560", "--zoom-scale", "1"]
    torch_seconds, torch_peak = _least(["-c", "import torch"])
    help_seconds, _ = _least(["-m", "ca", "--help"])
    evaluate_seconds, _ = _least(["-m", "ca", "evaluate", "--n-steps-per-stage", "4"])
    _, train_peak = _run(["-m", "ca", "train", "--recipe", "article", "--steps", str(STEPS), *batch])
    _, board_peak = _run(["-m", "ca", "evaluate", "--n-stages", "1", "--n-steps-per-stage", "4", *board])
    return {
        "help_seconds": help_seconds,
        "import_torch_seconds": torch_seconds,
        "evaluate_four_ticks_seconds": evaluate_seconds,
        "evaluate_seconds_above_torch": evaluate_seconds - torch_seconds,
        "import_torch_peak_mb": torch_peak,
        "training_peak_mb": train_peak,
        "training_mb_above_torch": train_peak - torch_peak,
        "board_of_400_digits_peak_mb": board_peak,
    }


def _least(arguments: Sequence[str]) -> tuple[float, float]:
    seconds, peaks = zip(*(_run(arguments) for _ in range(TIMES)), strict=True)
    return min(seconds), statistics.median(peaks)


def _run(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of a Python process, in an empty folder."""
    command = [sys.executable, *arguments]
    with tempfile.TemporaryDirectory() as folder:
        # A process's peak starts at that of the one that starts it: so a small one goes between.
        launcher = [sys.executable, "-c", LAUNCHER, *command]
        told = subprocess.run(launcher, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    code, seconds, peak, last_words = json.loads(told)
    if code:
        raise FailedError(f"{shlex.join(command)} failed: {last_words}")
    return seconds, peak * MAXRSS_BYTES / 1e6
