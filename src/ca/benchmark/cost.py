"""What the time of a tick grows with: with the cells that are alive, and not with the board they are on."""

import statistics
import time
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ca.benchmark.speed import wait_for
from ca.cells import newborn
from ca.data.digits import load_digits
from ca.engine.graph import CellGraph
from ca.engine.rollout import observe, random_draws
from ca.model import CellularAutomaton
from ca.render.figures import COLOURS, PRINT_DPI, plain_axes, save_figure
from ca.settings.commands import BenchmarkSettings
from ca.system.seeds import seeded

Cost = tuple[list[int], list[float]]  # cells, and milliseconds per tick

DIGITS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 7_300)  # the last have a million alive cells
SIDES = (112, 224, 448, 896, 1_792)
ON_BOARD = 16  # digits
TICKS = 4
TIMES = 5


def against_cells(settings: BenchmarkSettings, device: torch.device) -> Cost:
    """Time per tick of batches of more and more digits, against their alive cells."""
    digits = load_digits("mnist", "test").to(device)
    liveness = (digits[:count].liveness for count in DIGITS)
    alive, milliseconds = zip(*(_time_ticks(some, settings.seed) for some in liveness), strict=True)
    return list(alive), list(milliseconds)


def against_area(settings: BenchmarkSettings, device: torch.device) -> Cost:
    """Time per tick of the same digits on larger and larger boards, against the boards' cells."""
    digits = load_digits("mnist", "test")[:ON_BOARD].to(device).liveness
    milliseconds = [_time_ticks(_board(digits, side), settings.seed)[1] for side in SIDES]
    return [side**2 for side in SIDES], milliseconds


def draw_costs(by_cells: Cost, by_area: Cost, *, path: Path) -> None:
    """Both on logarithmic axes, one beside the other."""
    figure = Figure(figsize=(9, 3.6), dpi=PRINT_DPI, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    (cells, times), (areas, flat) = by_cells, by_area
    left.loglog(cells, times, "o-", color=COLOURS[0], label="measured")
    proportional = [times[-1] * count / cells[-1] for count in cells]
    left.loglog(cells, proportional, "--", color="0.5", label="proportional")
    left.set(xlabel="alive cells", ylabel="milliseconds per tick")
    left.legend(frameon=False)
    right.loglog(areas, flat, "o-", color=COLOURS[1])
    right.set(xlabel=f"cells of the board, with the same {ON_BOARD} digits")
    for axes in (left, right):
        plain_axes(axes)
    save_figure(figure, path)


@torch.no_grad()
def _time_ticks(liveness: Tensor, seed: int) -> tuple[int, float]:
    """Alive cells, and milliseconds per tick, random draws included, of digits (batch, height, width)."""
    automaton = CellularAutomaton()
    automaton.reset_parameters(seeded(seed))
    automaton.to(liveness.device)
    generator = seeded(seed, liveness.device)
    graph = CellGraph.of(liveness)
    cells = graph.gather(newborn(liveness))
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
