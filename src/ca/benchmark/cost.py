"""The time of a tick against the number of alive cells, and against the size of the board they are on."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ca.benchmark.wait import wait_for
from ca.cells import newborn
from ca.data.load import load_digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import observe, random_draws
from ca.model import CellularAutomaton
from ca.settings.commands import BenchmarkSettings
from ca.system.seeds import seeded

Cost = dict[int, float]  # milliseconds per tick by the number of cells

DIGITS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 7_300)  # the last number has a million alive cells
SIDES = (112, 224, 448, 896, 1_792)
ON_BOARD = 16  # digits
TICKS = 4
TIMES = 5


def against_cells(settings: BenchmarkSettings, device: torch.device, advance: Callable[[], object]) -> Cost:
    """Time of batches of more and more digits by their alive cells; `advance` is called after each."""
    digits = load_digits("mnist", "test").to(device)
    cost = {}
    for count in DIGITS:
        cells, milliseconds = _time_ticks(digits[:count].liveness, settings.seed)
        cost[cells] = milliseconds
        advance()
    return cost


def against_area(settings: BenchmarkSettings, device: torch.device, advance: Callable[[], object]) -> Cost:
    """Time of the same digits on larger and larger boards by the boards' cells; `advance` as above."""
    digits = load_digits("mnist", "test")[:ON_BOARD].to(device).liveness
    cost = {}
    for side in SIDES:
        _, cost[side**2] = _time_ticks(_board(digits, side), settings.seed)
        advance()
    return cost


@torch.no_grad()
def _time_ticks(liveness: Tensor, seed: int) -> tuple[int, float]:
    """Alive cells of digits (batch, height, width), and milliseconds per tick with its random draws."""
    automaton = CellularAutomaton()
    automaton.reset_parameters(seeded(seed))
    automaton.to(liveness.device)
    generator = seeded(seed, liveness.device)
    graph = CellGraph.of(liveness, automaton.architecture)
    cells = graph.gather(newborn(liveness, automaton.architecture))
    times = []
    for _ in range(1 + TIMES):
        wait_for(liveness.device)
        start = time.perf_counter()
        draws = random_draws(graph, automaton, TICKS, generator)
        cells, _ = observe(automaton, graph, cells, draws)
        wait_for(liveness.device)
        times.append(time.perf_counter() - start)
    return graph.num_alive, statistics.median(times[1:]) * 1e3 / TICKS


def _board(digits: Tensor, side: int) -> Tensor:
    """Digits (batch, height, width) in rows on one square board: (1, side, side)."""
    board = digits.new_zeros(1, side, side)
    num_digits, height, width = digits.shape
    across = round(num_digits**0.5)
    for number, digit in enumerate(digits):
        y, x = (side // across * place for place in divmod(number, across))
        board[0, y : y + height, x : x + width] = digit
    return board
