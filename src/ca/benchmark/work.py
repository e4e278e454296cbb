"""What is timed, and what each needs of the machine: operations, and bytes of memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ca.architecture import TAPS, Architecture
from ca.cells import alive, outputs
from ca.data.digits import Digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.loss import LOSSES
from ca.model import CellularAutomaton
from ca.protocol import measure
from ca.settings.commands import BenchmarkSettings
from ca.settings.training import TrainSettings
from ca.system.seeds import seeded
from ca.train.run import TrainingRun
from ca.train.step import learn, training_step

Name = Literal["kernel", "adam", "soap", "dense", "measuring"]

STEPS = 20  # in a round; they take about as long as one dense step
MEASURED_TICKS = 100  # in each of two stages
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Work:
    """Something that is timed.

    Attributes:
        flop: floating-point operations that a call needs
        bytes: that a call reads and writes in memory, if a digit's state and the weights stay in caches
        times: calls in a round
        in_torch: whether PyTorch computes it, with all threads
    """

    call: Callable[[], object]
    flop: float
    bytes: float
    times: int = 1
    in_torch: bool = False


def works(settings: BenchmarkSettings, digits: Digits, device: torch.device) -> dict[Name, Work]:
    """A step's rollout and gradients alone; whole steps with Adam, SOAP and the dense rule; and measuring.

    Args:
        digits: to be measured
    """
    article = TrainSettings(
        recipe="article",
        batch_size=settings.batch_size,
        pool_size=10 * settings.batch_size,
        ticks=(settings.ticks, settings.ticks),
        communication_channels=settings.communication_channels,
        hidden=settings.hidden,
        seed=settings.seed,
    )
    adam, dense = (TrainingRun.start(article, device) for _ in range(2))
    soap = TrainingRun.start(replace(article, optimiser="soap"), device)
    architecture, automaton = settings.architecture, adam.automaton
    share_alive = alive(adam.pool.grid[:, 0], architecture).float().mean().item()
    pixels = settings.batch_size * adam.pool.grid[0, 0].numel()
    fired = automaton.fire_rate * share_alive * pixels
    flop = training_flop(architecture, fired, settings.ticks)
    traffic = _training_bytes(architecture, fired, settings.ticks)
    measuring_flop = protocol_flop(automaton, digits, MEASURED_TICKS)

    def measure_digits() -> object:
        generator = seeded(settings.seed, device)
        return measure(automaton, digits, stages=2, ticks=MEASURED_TICKS, generator=generator)

    return {
        "kernel": _rollout_and_gradients(adam),
        "adam": Work(lambda: training_step(adam), flop=flop, bytes=traffic, times=STEPS),
        "soap": Work(lambda: training_step(soap), flop=flop, bytes=traffic, times=STEPS),
        "dense": Work(
            lambda: dense_training_step(dense),
            flop=flop,
            bytes=3 * FLOAT * pixels * settings.ticks * _numbers_between_layers(architecture),
            in_torch=True,
        ),
        "measuring": Work(
            measure_digits,
            flop=measuring_flop,  # the noise of each cell that fires is written and read
            bytes=FLOAT * architecture.state_channels * measuring_flop / architecture.multiplications,
        ),
    }


def training_flop(architecture: Architecture, fired: float, ticks: int) -> float:
    """Operations of a step in which `fired` cells fire in each tick.

    The backward pass needs two products of the size of each of the forward pass, but in the first tick no
    gradient of the state.
    """
    to_first_state = TAPS * architecture.state_channels * architecture.hidden[0]
    return 2 * fired * (3 * ticks * architecture.multiplications - to_first_state)


def protocol_flop(automaton: CellularAutomaton, digits: Digits, ticks: int) -> float:
    """Operations of measuring digits in two stages of `ticks` each."""
    living = alive(digits.liveness, automaton.architecture).sum().item()
    return 2 * automaton.architecture.multiplications * automaton.fire_rate * living * 2 * ticks


def _training_bytes(architecture: Architecture, fired: float, ticks: int) -> float:
    """The activations and the noise of all cells that fire are written once and read once."""
    return 2 * FLOAT * fired * ticks * (sum(architecture.hidden) + architecture.state_channels)


def _numbers_between_layers(architecture: Architecture) -> int:
    """How many numbers of a cell all layers read and write, if each reads its input once."""
    widths = (architecture.channels, *architecture.hidden, architecture.state_channels)
    return sum(widths[:-1]) + sum(widths[1:])


def _rollout_and_gradients(run: TrainingRun) -> Work:
    """The same rollout again and again, with the gradients of its weights."""
    automaton, architecture, ticks = run.automaton, run.automaton.architecture, run.settings.ticks[0]
    batch = run.pool.draw(run.settings.batch_size)
    graph = CellGraph.of(batch.grid[:, 0], architecture)
    cells = graph.gather(batch.grid)
    draws = random_draws(graph, automaton, ticks, run.generator)
    weights, cotangent = list(automaton.parameters()), torch.ones_like(cells)
    fired = len(draws.noise) / ticks
    return Work(
        lambda: torch.autograd.grad(rollout(automaton, graph, cells, draws), weights, cotangent),
        flop=training_flop(architecture, fired, ticks),
        bytes=_training_bytes(architecture, fired, ticks),
        times=STEPS,
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
