"""Kill a training run about once a minute, resume it each time, and compare it with an undisturbed run.

    uv run python tools/soak.py --minutes 120

Every checkpoint that both runs reach is compared bit for bit: weights, optimiser, pool and generators. The
figures are printed as one JSON object. The exit code is 1 if a checkpoint differs or resuming fails.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

from ca.checkpoint.folder import TRAINING_STATE, WEIGHTS, checkpoints_in, load_checkpoint
from ca.train.metrics_file import read_metrics

SIGNALS = [signal.SIGKILL] * 5 + [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
TRAIN = "-m ca train --steps 1000000 --held-out 0 --device cpu"
LEAD = 20  # checkpoints that the undisturbed run may be ahead before it is paused
PATIENCE = 900  # seconds that a run may need to save, or to catch up at the end


def main() -> None:
    """Run both and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seconds-between-kills", type=float, default=60, help="on average")
    parser.add_argument("--checkpoint-every", type=int, default=200, help="steps")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ca-soak")
    options = parser.parse_args()
    # `nohup` and background jobs of shells ignore these signals, and the runs would inherit that.
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shutil.rmtree(options.folder, ignore_errors=True)
    every = options.checkpoint_every
    killed_folder, undisturbed_folder = options.folder / "killed", options.folder / "undisturbed"
    rng = random.Random(0)
    kills: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    compared: list[int] = []
    different: list[int] = []
    undisturbed = begin(undisturbed_folder, every)
    try:
        end = time.monotonic() + 60 * options.minutes
        while time.monotonic() < end:
            killed = begin(killed_folder, every)
            try:
                killed.wait(min(rng.uniform(0, 2 * options.seconds_between_kills), end - time.monotonic()))
                raise SystemExit(f"the run ended by itself: {killed.returncode}")
            except subprocess.TimeoutExpired:
                number = signal.SIGTERM if time.monotonic() >= end else rng.choice(SIGNALS)
            killed.send_signal(number)
            codes[killed.wait(PATIENCE)] += 1
            kills[number.name] += 1
            compare(killed_folder, undisturbed_folder, compared, different, every)
            ahead = len(checkpoints_in(undisturbed_folder)) > LEAD
            undisturbed.send_signal(signal.SIGSTOP if ahead else signal.SIGCONT)
            seen = max(compared, default=0)
            print(f"{sum(kills.values())} kills, compared up to step {seen}", file=sys.stderr, flush=True)
        last = checkpoints_in(killed_folder)[-1]
        common = step_of(last) // every * every
        undisturbed.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        while common not in compared and time.monotonic() < deadline:
            time.sleep(1)
            compare(killed_folder, undisturbed_folder, compared, different, every)
    finally:
        undisturbed.send_signal(signal.SIGCONT)
        undisturbed.terminate()
        undisturbed.wait()
    steps = [row["step"] for row in read_metrics(killed_folder / "metrics.jsonl")]
    found = {
        "minutes": options.minutes,
        "kills": dict(kills),
        "exit_codes": dict(codes),
        "steps": load_checkpoint(last).step,
        "checkpoints_compared": len(compared),
        "last_compared": max(compared, default=0),
        "checkpoints_different": different,
        "metrics_in_order": steps == sorted(set(steps)),
    }
    print(json.dumps(found, indent=1))
    if different or common not in compared or not found["metrics_in_order"]:
        raise SystemExit(1)


def begin(folder: Path, every: int) -> subprocess.Popen[bytes]:
    """Start the run of a folder, or resume it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        command = [sys.executable, *TRAIN.split(), "--checkpoint-every", str(every)]
        command += ["--output-dir", str(folder), "--resume", str(folder)]
        return subprocess.Popen(command, stdout=log, stderr=log)


def compare(killed: Path, undisturbed: Path, compared: list[int], different: list[int], every: int) -> None:
    """Compare the checkpoints that both runs have, and delete all but the newest compared ones."""
    for path in checkpoints_in(killed):
        other, step = undisturbed / path.name, step_of(path)
        if step not in compared and other.exists():
            compared.append(step)
            if any(digest(path / name) != digest(other / name) for name in (WEIGHTS, TRAINING_STATE)):
                different.append(step)
    for path in checkpoints_in(undisturbed) + checkpoints_in(killed)[:-3]:
        if step_of(path) in compared or step_of(path) % every:
            shutil.rmtree(path)


def step_of(path: Path) -> int:
    """The step of a checkpoint."""
    return int(path.name.rsplit("-", 1)[1])


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
