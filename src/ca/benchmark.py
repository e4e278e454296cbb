"""How fast training is on this machine: the engine, the dense rule, and the limit of matrix products.

A step is a whole one, with the article's Adam: draw, roll out, backward, update, write back. All three are
timed in turn, round after round, so that a change in the machine's speed meets them alike; what counts are
the ratios.
"""

import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ca.cells import STATE_CHANNELS, alive, outputs
from ca.device import find_device
from ca.loss import LOSSES
from ca.model import HIDDEN, TAPS
from ca.settings import BenchmarkSettings, TrainSettings
from ca.training_run import TrainingRun
from ca.training_step import learn, training_step

ENGINE_STEPS = 10  # a round; they take about as long as one dense step
PRODUCTS = 20  # a round

# Multiplications for each cell that fires: three matrix products forward. The backward pass needs two
# products of the same size for each. Liveness never changes, so its share is not needed every tick.
MULTIPLICATIONS = TAPS * STATE_CHANNELS * HIDDEN + HIDDEN * HIDDEN + HIDDEN * STATE_CHANNELS


def benchmark(settings: BenchmarkSettings) -> None:
    """Time the three in turn and print a table, or JSON.

    Raises:
        FailedError: the device is not there
    """
    device = find_device(settings.device)
    training = TrainSettings(
        recipe="article",
        batch_size=settings.batch_size,
        pool_size=10 * settings.batch_size,
        ticks=(settings.ticks, settings.ticks),
        seed=settings.seed,
    )
    engine_run, dense_run = (TrainingRun.start(training, device) for _ in range(2))
    fired = engine_run.automaton.fire_rate * _alive_cells(engine_run)
    flop = 3 * 2 * MULTIPLICATIONS * fired * settings.ticks
    left = torch.randn(round(fired), TAPS * STATE_CHANNELS, device=device)
    right = torch.randn(TAPS * STATE_CHANNELS, HIDDEN, device=device)
    product_flop = 2 * left.numel() * HIDDEN

    engine, dense, floor = [], [], []
    for number in tqdm(range(settings.repeats + 1), unit="round", disable=None):
        engine_time = _seconds(lambda: training_step(engine_run), ENGINE_STEPS, device)
        dense_time = _seconds(lambda: dense_training_step(dense_run), 1, device)
        product_time = _seconds(lambda: torch.mm(left, right), PRODUCTS, device)
        if number > 0:  # the first round warms up
            engine.append(engine_time)
            dense.append(dense_time)
            floor.append(product_time * flop / product_flop)

    found = {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "batch_size": settings.batch_size,
        "ticks": settings.ticks,
        "repeats": settings.repeats,
        "engine_steps_per_minute": 60 / statistics.median(engine),
        "dense_steps_per_minute": 60 / statistics.median(dense),
        "floor_steps_per_minute": 60 / statistics.median(floor),
        "ratio_to_dense": statistics.median(d / e for d, e in zip(dense, engine, strict=True)),
        "share_of_floor": statistics.median(f / e for f, e in zip(floor, engine, strict=True)),
        "gflop_per_step": flop / 1e9,
        "product_gflop_per_second": flop / 1e9 / statistics.median(floor),
    }
    print(json.dumps(found, indent=1) if settings.json else _table(found))


def dense_training_step(run: TrainingRun) -> Tensor:
    """A training step as `ca.training_step.training_step`, by the dense rule in eager PyTorch."""
    run.step += 1
    batch = run.pool.draw(run.settings.batch_size)
    grid = batch.grid.contiguous()
    for _ in range(run.draw_ticks()):
        grid = run.automaton(grid, run.generator)
    digit, y, x = alive(grid[:, 0]).nonzero().unbind(1)
    loss = LOSSES[run.settings.loss](outputs(grid)[digit, :, y, x], batch.labels[digit], len(batch.labels))
    learn(run, loss)
    run.pool.write_back(batch, grid.detach())
    return loss.detach()


def _alive_cells(run: TrainingRun) -> float:
    """Alive cells in a batch, on average over the pool."""
    grid = run.pool.grid
    return alive(grid[:, 0]).sum().item() * run.settings.batch_size / len(grid)


def _seconds(work: Callable[[], object], times: int, device: torch.device) -> float:
    """Wall time of one call, on average over some; one before that takes back caches and memory."""
    work()
    _wait(device)
    start = time.perf_counter()
    for _ in range(times):
        work()
    _wait(device)
    return (time.perf_counter() - start) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _table(found: dict[str, Any]) -> str:
    rows = [
        ("engine, alive cells that fire", found["engine_steps_per_minute"]),
        ("dense rule, eager PyTorch", found["dense_steps_per_minute"]),
        ("limit of this machine's matrix products", found["floor_steps_per_minute"]),
    ]
    lines = [
        f"training, batch {found['batch_size']}, {found['ticks']} ticks, on {found['device']} "
        f"with {found['threads']} threads, torch {found['torch']}; medians of {found['repeats']} rounds",
        *(f"{name:42}{speed:>10,.0f} steps/min" for name, speed in rows),
        f"{'engine : dense rule':42}{found['ratio_to_dense']:>10.1f}",
        f"{'share of the limit':42}{found['share_of_floor']:>10.0%}",
        f"{'needed':42}{found['gflop_per_step']:>10.2f} GFLOP a step",
        f"{'matrix products':42}{found['product_gflop_per_second']:>10,.0f} GFLOP/s",
    ]
    return "\n".join(lines)
