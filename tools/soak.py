"""A training run that is killed about every minute and begun again by the same command, beside one in peace.

    uv run python tools/soak.py --minutes 120

Every checkpoint that both runs reach is compared bit for bit: weights, optimiser, pool and generators. Prints
its figures as one JSON object; the exit code is 1 if any checkpoint differs, or if the run does not go on.
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
LEAD = 20  # checkpoints that the run in peace may be ahead, before it is made to wait
PATIENCE = 900  # seconds that a run may need to save, or to catch up at the end


def main() -> None:
    """Run both, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seconds-between-kills", type=float, default=60, help="on average")
    parser.add_argument("--checkpoint-every", type=int, default=200, help="steps")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ca-soak")
    options = parser.parse_args()
    # Under nohup and behind & these are ignored, which the runs would inherit.
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shutil.rmtree(options.folder, ignore_errors=True)
    every = options.checkpoint_every
    killed_folder, peaceful_folder = options.folder / "killed", options.folder / "peaceful"
    rng = random.Random(0)
    kills: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    compared: list[int] = []
    different: list[int] = []
    peaceful = begin(peaceful_folder, every)
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
            compare(killed_folder, peaceful_folder, compared, different, every)
            ahead = len(checkpoints_in(peaceful_folder)) > LEAD
            peaceful.send_signal(signal.SIGSTOP if ahead else signal.SIGCONT)
            seen = max(compared, default=0)
            print(f"{sum(kills.values())} kills, compared up to step {seen}", file=sys.stderr, flush=True)
        last = checkpoints_in(killed_folder)[-1]
        common = step_of(last) // every * every
        peaceful.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        while common not in compared and time.monotonic() < deadline:
            time.sleep(1)
            compare(killed_folder, peaceful_folder, compared, different, every)
    finally:
        peaceful.send_signal(signal.SIGCONT)
        peaceful.terminate()
        peaceful.wait()
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
    """Begin the run of a folder, or go on with it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        command = [sys.executable, *TRAIN.split(), "--checkpoint-every", str(every)]
        command += ["--output-dir", str(folder), "--resume", str(folder)]
        return subprocess.Popen(command, stdout=log, stderr=log)


def compare(killed: Path, peaceful: Path, compared: list[int], different: list[int], every: int) -> None:
    """Compare checkpoints that both have; of what was compared, only the newest few are kept."""
    for path in checkpoints_in(killed):
        other, step = peaceful / path.name, step_of(path)
        if step not in compared and other.exists():
            compared.append(step)
            if any(digest(path / name) != digest(other / name) for name in (WEIGHTS, TRAINING_STATE)):
                different.append(step)
    for path in checkpoints_in(peaceful) + checkpoints_in(killed)[:-3]:
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
