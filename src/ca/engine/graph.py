"""The data of a rollout: which cells are computed, the random draws, and what was observed.

A digit has about 137 alive cells of 784, and half of them fire in a tick: the dense rule does eleven times
the work that is needed. Here the cells of a whole batch are the rows of one matrix:

    cells       (rows + 1, channels)  liveness and state; the last row is zero, the dead neighbour
    neighbours  (rows, 9)             the rows of each cell's 3x3 surroundings
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.architecture import TAPS, Architecture
from ca.cells import alive


@dataclass(frozen=True)
class CellGraph:
    """Which pixels of a batch of digits are rows, and which rows are neighbours.

    Alive cells come first, then the faint ones: dead cells whose grey value is above 0. Those never change,
    but their neighbours see their liveness. Pixels of value 0 have no row.

    Attributes:
        batch, y, x: (rows,) int64, the pixel of each row
        num_alive: number of rows that are alive; they come first
        num_digits: number of digits in the batch
        size: height and width of the digits
    """

    batch: Tensor
    y: Tensor
    x: Tensor
    num_alive: int
    num_digits: int
    size: tuple[int, int]

    @classmethod
    def of(cls, liveness: Tensor, architecture: Architecture) -> "CellGraph":
        """The graph of a batch of digits: (batch, height, width) grey values in [0, 1]."""
        living = alive(liveness, architecture)
        alive_pixels = living.nonzero()
        faint_pixels = ((liveness > 0) ^ living).nonzero()
        batch, y, x = torch.cat([alive_pixels, faint_pixels]).t().contiguous()
        num_digits, height, width = liveness.shape
        return cls(batch, y, x, len(alive_pixels), num_digits, (height, width))

    def to(self, device: torch.device) -> "CellGraph":
        return replace(self, batch=self.batch.to(device), y=self.y.to(device), x=self.x.to(device))

    @cached_property
    def neighbours(self) -> Tensor:
        """(rows, 9) rows of the 3x3 surroundings, row by row; `rows` for a pixel without a row."""
        height, width = self.size[0] + 2, self.size[1] + 2  # of a grid with a margin
        centre = (self.batch * height + self.y + 1) * width + self.x + 1
        row_of = centre.new_full((self.num_digits * height * width,), len(centre))
        row_of[centre] = torch.arange(len(centre), device=centre.device)
        step = torch.arange(-1, 2, device=centre.device)
        taps = (step[:, None] * width + step).flatten()
        return row_of.index_select(0, (centre[:, None] + taps).flatten()).view(-1, TAPS)

    def gather(self, grid: Tensor) -> Tensor:
        """The cells of a grid: (batch, channels, height, width) -> (rows + 1, channels)."""
        pixels = grid.movedim(1, -1)
        rows = pixels.flatten(0, 2).index_select(0, self._places(pixels))
        return F.pad(rows, (0, 0, 0, 1))

    def scatter(self, cells: Tensor, grid: Tensor) -> Tensor:
        """The grid with the alive cells' values: (rows + 1, channels) -> (batch, channels, height, width)."""
        pixels = grid.movedim(1, -1).clone(memory_format=torch.contiguous_format)
        living = slice(self.num_alive)
        pixels.flatten(0, 2).index_copy_(0, self._places(pixels)[living], cells[living])
        return pixels.movedim(-1, 1)

    def _places(self, pixels: Tensor) -> Tensor:
        """Where the rows are among all pixels, (batch, height, width, ...), in their order: (rows,)."""
        return (self.batch * pixels.shape[1] + self.y) * pixels.shape[2] + self.x


@dataclass(frozen=True)
class RandomDraws:
    """The random draws of a rollout.

    Attributes:
        fires: (ticks, num_alive) bool, which cells fire in which ticks
        noise: (fired, state channels) added to the residuals of the cells that fire, tick by tick
        counts: how many cells fire in each tick
    """

    fires: Tensor
    noise: Tensor
    counts: list[int]

    def by_tick(self) -> list[tuple[Tensor, Tensor]]:
        """For each tick, the rows that fire (fired,) and their noise (fired, state channels)."""
        total, (ticks, num_alive) = len(self.noise), self.fires.shape
        rows = torch.arange(num_alive, device=self.fires.device).repeat(ticks)
        fires = self.fires.flatten()
        # Not `nonzero`, which waits for a GPU. Cells that do not fire are written to one place past the end.
        places = torch.where(fires, fires.cumsum(0) - 1, total)
        fired = rows.new_empty(total + 1).scatter_(0, places, rows)[:total]
        return list(zip(fired.split(self.counts), self.noise.split(self.counts), strict=True))


@dataclass(frozen=True)
class Observation:
    """What was observed after each tick of a rollout.

    Attributes:
        votes: (ticks, digits, classes) int64, number of alive cells of each digit that output each class
        abs_state: (ticks,) float64, sum of the absolute state of all alive cells
        abs_residual: (ticks,) float64, sum of the absolute residual, before noise, of the cells that fired
    """

    votes: Tensor
    abs_state: Tensor
    abs_residual: Tensor
