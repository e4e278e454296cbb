"""The speed of training and of measuring, beside the limit of the machine.

All are timed in turn in every round, so that a change in the machine's speed affects all alike.
`torch.utils.benchmark.Timer` would call each function at least twice before it measures, and make a round
with its one dense step half as long again.
"""

import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from ca.benchmark.limit import LimitMeter, Limits
from ca.benchmark.wait import wait_for
from ca.benchmark.work import Name, Work, protocol_flop, works
from ca.data.load import load_digits
from ca.engine.kernel.threads import num_threads
from ca.model import CellularAutomaton
from ca.settings.commands import BenchmarkSettings

MEASURED_DIGITS = 128  # in a round
PROTOCOL_TICKS = 200  # in each of two stages


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a work is.

    Attributes:
        seconds: of a call, the median of all rounds
        share_of_limit: operations that it needs, beside those that the machine could do in that time
        flop_per_byte: operations that it needs for each byte of memory
    """

    seconds: float
    share_of_limit: float
    flop_per_byte: float


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """All that was timed.

    Attributes:
        gflop_per_step: operations that a training step needs, in 10^9
        limit_steps_per_minute: training steps, if nothing but these operations took time
        ratio_to_dense: speed of a step with Adam beside the dense rule's, the median of ratios within a round
        protocol_seconds: of measuring all test digits over 400 ticks, from the time of a sample
    """

    limits: Limits
    kernel: Speed
    adam: Speed
    soap: Speed
    dense: Speed
    measuring: Speed
    gflop_per_step: float
    limit_steps_per_minute: float
    ratio_to_dense: float
    protocol_seconds: float
    protocol_limit_seconds: float


def measure_speeds(
    settings: BenchmarkSettings, device: torch.device, advance: Callable[[], object]
) -> Speeds:
    """Time `repeats` rounds, after one to warm up; `advance` is called after each."""
    test = load_digits("mnist", "test").to(device)
    digits, meter = test[:MEASURED_DIGITS], LimitMeter(device, settings.architecture)
    timed = works(settings, digits, device)
    seconds: dict[Name, list[float]] = {name: [] for name in timed}
    for number in range(settings.repeats + 1):
        with _all_threads_in_torch():
            meter.measure()
        for name, work in timed.items():
            taken = _seconds(work, device)
            if number > 0:
                seconds[name].append(taken)
        advance()
    limits = meter.limits()
    flops = limits.limit_gflop_per_second * 1e9
    speeds = {
        name: Speed(
            seconds=statistics.median(seconds[name]),
            share_of_limit=work.flop / flops / statistics.median(seconds[name]),
            flop_per_byte=work.flop / work.bytes,
        )
        for name, work in timed.items()
    }
    whole_flop = protocol_flop(CellularAutomaton(settings.architecture), test, PROTOCOL_TICKS)
    return Speeds(
        limits=limits,
        **speeds,
        gflop_per_step=timed["adam"].flop / 1e9,
        limit_steps_per_minute=60 * flops / timed["adam"].flop,
        ratio_to_dense=statistics.median(
            dense / adam for dense, adam in zip(seconds["dense"], seconds["adam"], strict=True)
        ),
        protocol_seconds=speeds["measuring"].seconds * whole_flop / timed["measuring"].flop,
        protocol_limit_seconds=whole_flop / flops,
    )


@contextmanager
def _all_threads_in_torch() -> Generator[None]:
    """Give PyTorch as many threads as the kernel has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(num_threads())
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _seconds(work: Work, device: torch.device) -> float:
    """Mean wall time of a call, after one call to fill caches that the work before has used."""
    with _all_threads_in_torch() if work.in_torch else nullcontext():
        work.call()
        wait_for(device)
        start = time.perf_counter()
        for _ in range(work.times):
            work.call()
        wait_for(device)
        return (time.perf_counter() - start) / work.times
