"""Runs that are told to stop, or killed: what they leave, how fast, and that they go on bit for bit."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.helpers import exit_code, in_child, told_in_child
from support.small_run import before_each_step, contents, differing, resumed, rows_without_speed, small

import ca.train.output
from ca.checkpoint.folder import bundled_checkpoint, checkpoints_in, load_checkpoint, newest_checkpoint
from ca.system.children import output_of, start
from ca.system.errors import FailedError
from ca.system.publish import MARKER
from ca.system.signals import StopSignal
from ca.train.command import train
from ca.train.metrics_file import read_metrics

pytestmark = [
    pytest.mark.usefixtures("quick"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # of fork
]
FOREVER = 10**6
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def wait_for(found: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), STOPS.items(), ids=str)
def test_a_stop_signal_ends_a_run_soon_and_it_goes_on_bit_for_bit(
    number: signal.Signals, code: int, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patches:
        before_each_step(patches, lambda step: os.kill(os.getpid(), number) if step == 5 else None)
        start = time.monotonic()
        ended, told = told_in_child(lambda: train(small(tmp_path)))
        assert time.monotonic() - start < 5
    assert ended == code
    assert [path.name for path in checkpoints_in(tmp_path)] == ["model-steps-5"]
    assert "finishing the step, then saving" in told
    assert f"continue with: ca train --resume {tmp_path / 'model-steps-5'} --device cpu\n" in told
    assert differing(resumed(tmp_path / "model-steps-5"), contents(whole_run / "model-steps-24")) == set()


@pytest.mark.parametrize("step", [7, 9, 20])
def test_a_killed_run_goes_on_bit_for_bit(
    step: int, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also its metrics: no step is missing, and none is there twice."""
    with monkeypatch.context() as patches:
        before_each_step(patches, lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == step + 1 else None)
        assert exit_code(in_child(lambda: train(small(tmp_path)))) == -signal.SIGKILL
    checkpoint = newest_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.step == step // 7 * 7
    assert differing(resumed(checkpoint.path), contents(whole_run / "model-steps-24")) == set()
    assert rows_without_speed(tmp_path) == rows_without_speed(whole_run)


def test_a_signal_from_outside_stops_a_run(tmp_path: Path) -> None:
    child = in_child(lambda: train(small(tmp_path, steps=FOREVER)))
    wait_for(lambda: read_metrics(tmp_path / "metrics.jsonl"))
    os.kill(child, signal.SIGTERM)
    start = time.monotonic()
    assert exit_code(child) == 143
    assert time.monotonic() - start < 5
    assert newest_checkpoint(tmp_path) is not None


def test_ctrl_c_twice_stops_at_once_and_keeps_the_older_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ca.train.output.save_checkpoint

    def slow(folder: Path, *arguments: object, step: int, **options: object) -> Path:
        if step != 7:
            (tmp_path / "saving").touch()
            time.sleep(60)
        return original(folder, *arguments, step=step, **options)  # ty: ignore[invalid-argument-type]

    monkeypatch.setattr(ca.train.output, "save_checkpoint", slow)
    before_each_step(monkeypatch, lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 9 else None)
    child = in_child(lambda: train(small(tmp_path)))
    wait_for((tmp_path / "saving").exists)
    os.kill(child, signal.SIGINT)
    start = time.monotonic()
    assert exit_code(child) == -signal.SIGINT
    assert time.monotonic() - start < 5
    assert [load_checkpoint(path).step for path in checkpoints_in(tmp_path)] == [7]


def test_ctrl_c_twice_stops_at_once_while_compiled_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's handlers wait until it returns, here for some seconds: both answers come before."""
    monkeypatch.setattr(ca.train.output.TrainingOutput, "draw_start", lambda output: None)  # slow
    before_each_step(monkeypatch, lambda step: (tmp_path / "step").touch())
    read, write = os.pipe()
    child = in_child(lambda: train(small(tmp_path, ticks=(1500, 1500), batch_size=160, pool_size=160)), write)
    os.close(write)
    wait_for((tmp_path / "step").exists)
    time.sleep(0.5)
    start = time.monotonic()
    os.kill(child, signal.SIGINT)
    with open(read) as pipe:
        assert "finishing the step" in "".join(next(pipe) for _ in range(2))
        os.kill(child, signal.SIGINT)
        assert exit_code(child) in (-signal.SIGINT, 130)
    assert time.monotonic() - start < 2


def test_ctrl_c_at_any_moment_of_a_start_ends_it_quietly(tmp_path: Path) -> None:
    """From the first line of `ca/__main__.py` on: before it, Python's own start may swallow an interrupt."""
    code = "import ca; print('started', flush=True); from ca.__main__ import main; main()"
    train = ["train", "--output-dir", str(tmp_path / "run")]
    resume = ["train", "--resume", str(bundled_checkpoint()), "--output-dir", str(tmp_path / "resumed")]
    for number in range(6):
        command = [sys.executable, "-c", code, *(resume if number % 2 else train)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            try:
                assert child.stdout is not None
                assert child.stdout.readline() == "started\n"
                time.sleep(0.05 + 0.2 * number)
                child.send_signal(signal.SIGINT)
                _, told = child.communicate(timeout=20)
            finally:
                child.kill()
        assert child.returncode in (-signal.SIGINT, 130)
        assert "Traceback" not in told


def test_signals_of_managers_that_come_twice_still_let_a_run_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` sends SIGTERM twice, systemd a SIGHUP after it."""

    def stop(step: int) -> None:
        if step == 9:
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)

    before_each_step(monkeypatch, stop)
    assert exit_code(in_child(lambda: train(small(tmp_path)))) == 143
    assert [load_checkpoint(path).step for path in checkpoints_in(tmp_path)] == [7, 9]


def test_handlers_are_given_back_and_ignored_signals_stay_so() -> None:
    """Such as SIGHUP under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    handlers = [signal.getsignal(number) for number in STOPS]
    try:
        with StopSignal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert stop.signal == 0
        assert [signal.getsignal(number) for number in STOPS] == handlers
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_goes_on_where_nobody_reads_what_it_says(whole_run: Path, tmp_path: Path) -> None:
    """As in `ca train 2>&1 | head -1`; an exit code of 120 would tell of a failed flush at the end."""
    read, write = os.pipe()
    os.close(read)

    def work() -> None:
        train(small(tmp_path))
        sys.stderr.flush()

    child = in_child(work, write)
    os.close(write)
    assert exit_code(child) == 0
    assert differing(contents(tmp_path / "model-steps-24"), contents(whole_run / "model-steps-24")) == set()


# One run, one folder


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    first = in_child(lambda: train(small(tmp_path, steps=FOREVER)))
    wait_for(lambda: checkpoints_in(tmp_path))
    before = read_metrics(tmp_path / "metrics.jsonl")
    with pytest.raises(FailedError) as caught:
        train(small(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path} is in use by process {first} on {socket.gethostname()}: choose another --output-dir"
    )
    assert read_metrics(tmp_path / "metrics.jsonl")[: len(before)] == before
    os.kill(first, signal.SIGKILL)
    assert exit_code(first) == -signal.SIGKILL
    newest = newest_checkpoint(tmp_path)
    assert newest is not None
    train(small(tmp_path, resume=newest.path, steps=newest.step + 1))
    assert checkpoints_in(tmp_path)[-1].name == f"model-steps-{newest.step + 1}"


def test_a_run_clears_away_what_killed_ones_left_and_nothing_else(
    stopped_run: Callable[[int], Path],
) -> None:
    checkpoint = stopped_run(7)
    folder = checkpoint.parent
    (folder / "batches").mkdir()
    left = [".ca-tmp-abcdefgh", ".ca-old-abcdefgh", ".ca-old-12345678", "batches/.ca-tmp-abcdefgh"]
    mine = [".hidden", "model-steps-9.tmp", "notes.tmp-1", ".notes.tmp-2024.txt", ".data.old-1", ".ca-tmp-x"]
    for name in left + mine:
        (folder / name).mkdir()
        (folder / name / (MARKER if name in left else "precious")).touch()
    checkpoint.rename(folder / ".ca-old-12345678" / "model-steps-8")  # as if killed between the two renames
    with pytest.raises(FailedError, match=r"holds a run already: continue it with --resume .*model-steps-8,"):
        train(small(folder))
    assert not any((folder / name).exists() for name in left)
    assert all((folder / name / "precious").exists() for name in mine)
    assert (folder / ".lock").exists()
    assert load_checkpoint(folder / "model-steps-8").step == 7


def test_ctrl_c_ends_a_compiler_that_is_waited_for(tmp_path: Path) -> None:
    """Although Ctrl-C of a terminal does not reach it, and ends this process without an exception."""
    code = """
import sys
from ca.system.children import output_of
from ca.system.signals import ended_by_ctrl_c

with ended_by_ctrl_c():
    output_of(["sh", "-c", "echo $$ > " + sys.argv[1] + "; exec sleep 60"], limit=60)
"""
    file = tmp_path / "number"
    command = [sys.executable, "-c", code, str(file)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        wait_for(lambda: file.exists() and file.read_text().endswith("\n"))
        child.send_signal(signal.SIGINT)
        child.wait(timeout=20)
    wait_for(lambda: has_ended(int(file.read_text())))


def has_ended(process: int) -> bool:
    """Whether a process is gone, or waits as a zombie for whoever inherited it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_ctrl_c_while_a_compiler_starts_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def start_interrupted(*arguments: Any, **options: Any) -> Any:
        started.append(start(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr("ca.system.children.start", start_interrupted)
    with pytest.raises(KeyboardInterrupt):
        output_of(["sleep", "60"], limit=60)
    assert started[0].poll() == -signal.SIGKILL
