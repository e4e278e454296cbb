"""The speed of training and of measuring: the engine, the dense rule, and the limit of matrix products.

A training step is a whole one, with the article's Adam: draw, roll out, backward, update, write back. All are
timed in turn in every round, so that a change in the machine's speed affects all alike, and ratios are taken
within rounds. `torch.utils.benchmark.Timer` would call each function at least twice before it measures, and
make a round with its one dense step half as long again.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ca.architecture import TAPS, Architecture
from ca.cells import alive, outputs
from ca.data.load import load_digits
from ca.engine.kernel.threads import num_threads
from ca.loss import LOSSES
from ca.protocol import measure
from ca.settings.commands import BenchmarkSettings
from ca.settings.training import TrainSettings
from ca.system.seeds import seeded
from ca.train.run import TrainingRun
from ca.train.step import learn, training_step

ENGINE_STEPS = 20  # in a round; they take about as long as one dense step
PRODUCTS = 40  # in a round

MEASURED_DIGITS, MEASURED_TICKS = 128, 100  # in a round; the ticks of each of two stages
PROTOCOL_TICKS = 200  # in each of two stages


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Medians over all rounds of speeds, and of ratios within a round.

    "Floor" is the time that the same work would take at the speed of the machine's matrix products.
    """

    engine_steps_per_minute: float
    dense_steps_per_minute: float
    floor_steps_per_minute: float
    ratio_to_dense: float
    share_of_floor: float
    protocol_seconds: float
    protocol_floor_seconds: float
    protocol_share_of_floor: float
    gflop_per_step: float
    product_gflop_per_second: float


def measure_speeds(
    settings: BenchmarkSettings, device: torch.device, advance: Callable[[], object]
) -> Speeds:
    """Time `repeats` rounds, after one to warm up; `advance` is called after each.

    A training step multiplies three times as often as its ticks: the backward pass needs two products of the
    size of each of theirs.
    """
    architecture = settings.architecture
    training = TrainSettings(
        recipe="article",
        batch_size=settings.batch_size,
        pool_size=10 * settings.batch_size,
        ticks=(settings.ticks, settings.ticks),
        communication_channels=settings.communication_channels,
        hidden=settings.hidden,
        seed=settings.seed,
    )
    engine_run, dense_run = (TrainingRun.start(training, device) for _ in range(2))
    test = load_digits("mnist", "test").to(device)
    digits = test[:MEASURED_DIGITS]
    fired = (
        engine_run.automaton.fire_rate
        * _alive_cells(engine_run.pool.grid[:, 0], architecture)
        * settings.batch_size
    )
    step_flop = 3 * 2 * architecture.multiplications * fired * settings.ticks
    fired_measuring = (
        engine_run.automaton.fire_rate * _alive_cells(digits.liveness, architecture) * len(digits)
    )
    measure_flop = 2 * architecture.multiplications * fired_measuring * 2 * MEASURED_TICKS
    inputs, width = TAPS * architecture.state_channels, architecture.hidden[0]
    left = torch.randn(round(fired), inputs, device=device)
    right = torch.randn(inputs, width, device=device)
    product_flop = 2 * left.numel() * width

    def measure_some() -> object:
        generator = seeded(settings.seed, device)
        return measure(engine_run.automaton, digits, stages=2, ticks=MEASURED_TICKS, generator=generator)

    threads = torch.get_num_threads()
    engine, dense, measuring, flop_time = [], [], [], []
    for number in range(settings.repeats + 1):
        engine_time = _seconds(lambda: training_step(engine_run), ENGINE_STEPS, device)
        measure_time = _seconds(measure_some, 1, device)
        torch.set_num_threads(num_threads())  # as many as PyTorch takes by default
        product_time = _seconds(lambda: torch.mm(left, right), PRODUCTS, device)
        dense_time = _seconds(lambda: dense_training_step(dense_run), 1, device)
        torch.set_num_threads(threads)
        advance()
        if number > 0:
            engine.append(engine_time)
            measuring.append(measure_time)
            dense.append(dense_time)
            flop_time.append(product_time / product_flop)

    protocol_flop = 2 * architecture.multiplications * engine_run.automaton.fire_rate * 2 * PROTOCOL_TICKS
    protocol_flop *= _alive_cells(test.liveness, architecture) * len(test)
    return Speeds(
        engine_steps_per_minute=60 / statistics.median(engine),
        dense_steps_per_minute=60 / statistics.median(dense),
        floor_steps_per_minute=60 / (step_flop * statistics.median(flop_time)),
        ratio_to_dense=statistics.median(d / e for d, e in zip(dense, engine, strict=True)),
        share_of_floor=statistics.median(step_flop * f / e for f, e in zip(flop_time, engine, strict=True)),
        protocol_seconds=statistics.median(measuring) * protocol_flop / measure_flop,
        protocol_floor_seconds=statistics.median(flop_time) * protocol_flop,
        protocol_share_of_floor=statistics.median(
            measure_flop * f / m for f, m in zip(flop_time, measuring, strict=True)
        ),
        gflop_per_step=step_flop / 1e9,
        product_gflop_per_second=1e-9 / statistics.median(flop_time),
    )


def dense_training_step(run: TrainingRun) -> Tensor:
    """A training step like `ca.train.step.training_step`, with the dense rule in eager PyTorch."""
    run.step += 1
    batch = run.pool.draw(run.settings.batch_size)
    grid = batch.grid.contiguous()
    for _ in range(run.draw_ticks()):
        grid = run.automaton(grid, run.generator)
    architecture = run.automaton.architecture
    digit, y, x = alive(grid[:, 0], architecture).nonzero().unbind(1)
    last = outputs(grid, architecture)[digit, :, y, x]
    loss = LOSSES[run.settings.loss](last, batch.labels[digit], len(batch.labels))
    run.pool.grid[batch.indices] = grid.detach()
    return learn(run, *loss)


def _alive_cells(liveness: Tensor, architecture: Architecture) -> float:
    """Mean number of alive cells of digits (digits, height, width)."""
    return alive(liveness, architecture).sum().item() / len(liveness)


def _seconds(work: Callable[[], object], times: int, device: torch.device) -> float:
    """Mean wall time of a call, after one call to fill caches that the work before has used."""
    work()
    wait_for(device)
    start = time.perf_counter()
    for _ in range(times):
        work()
    wait_for(device)
    return (time.perf_counter() - start) / times


def wait_for(device: torch.device) -> None:
    """Wait until a device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
