"""Images of the caller: rolled out, classified and drawn."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ca.api.device import engine_threads
from ca.architecture import Architecture
from ca.cells import Indices, colour_indices, mutate, newborn, outputs
from ca.data.arrays import Images, liveness_of
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.metrics import count_votes
from ca.model import ARTICLE, CellularAutomaton
from ca.protocol import DIGITS_AT_ONCE, TICKS_AT_ONCE
from ca.render.palette import palette_of
from ca.render.pictures import Picture, mosaic, mosaic_shape
from ca.settings.choices import DEFAULT_COLOURS, Colours
from ca.system.arguments import check_at_least, check_choice
from ca.system.seeds import seeded


@dataclass(frozen=True)
class Classification:
    """What the cells of each image output after a rollout.

    Attributes:
        classes: (batch,) int64, the class that most alive cells of the image output
        votes: (batch, classes) int64, how many alive cells output each class
        agreement: (batch,) float64, share of the alive cells that output the image's class; 1.0: all agree
        cells: (batch, height, width) uint8, class of each cell; of ten classes, 10 is an alive cell
            without a positive output, and 11 a dead one
        grid: (batch, channels, height, width), liveness, then the state channels of each cell, on the
            automaton's device

    Example:
        >>> import ca
        >>> result = ca.classify(ca.CellularAutomaton.from_pretrained(), ca.load_digits().images[:5])
        >>> result.votes.argmax(1)
        array([7, 2, 1, 0, 4])
    """

    classes: NDArray[np.int64]
    votes: NDArray[np.int64]
    agreement: NDArray[np.float64]
    cells: Indices
    grid: Tensor


@torch.no_grad()
def classify(
    automaton: CellularAutomaton, images: Images, *, ticks: int = 200, seed: int = 0
) -> Classification:
    """Let the cells of images agree on a class, starting from zero state.

    Args:
        images: (batch, height, width) or one (height, width), floats in [0, 1] or uint8 from 0 to 255; 0 is
            background, the largest value full ink. The automaton was trained on MNIST's 28 x 28 pixels with
            digits 20 pixels high.
        ticks: applications of the update rule
        seed: of the random draws, which cells fire and their noise

    Raises:
        ValueError: an image has another shape, type or range, no ink, or dark ink on a bright background; the
            message says what to do

    Example:
        >>> import ca
        >>> images = ca.load_digits().images[:5]
        >>> result = ca.classify(ca.CellularAutomaton.from_pretrained(), images, ticks=100)
        >>> result.classes
        array([7, 2, 1, 0, 4])
        >>> result.cells.shape
        (5, 28, 28)
    """
    liveness = _liveness_for(automaton, images)
    check_at_least(1, "ticks", ticks)
    generator = seeded(seed, liveness.device)
    architecture = automaton.architecture
    votes, grids = [], []
    with engine_threads(automaton):
        for part in liveness.split(DIGITS_AT_ONCE):
            graph, grid = CellGraph.of(part, architecture), newborn(part, architecture)
            cells = graph.gather(grid)
            for first in range(0, ticks, TICKS_AT_ONCE):
                draws = random_draws(graph, automaton, min(TICKS_AT_ONCE, ticks - first), generator)
                cells = rollout(automaton, graph, cells, draws)
            living = slice(graph.num_alive)
            votes.append(count_votes(outputs(cells[living], architecture), graph.batch[living], len(part)))
            grids.append(graph.scatter(cells, grid))
    counts, grid = torch.cat(votes).cpu().numpy(), torch.cat(grids)
    return Classification(
        classes=counts.argmax(1),
        votes=counts,
        agreement=counts.max(1) / counts.sum(1),
        cells=colour_indices(grid, architecture),
        grid=grid,
    )


def roll_out(
    automaton: CellularAutomaton,
    images: Images,
    *,
    ticks: int = 200,
    start: Tensor | None = None,
    seed: int = 0,
) -> Iterator[Tensor]:
    """Yield the grid of all cells at the start and after each tick: ticks + 1 grids.

    Args:
        images: as in `classify`
        ticks: applications of the update rule
        start: (batch, channels, height, width), a grid of other images of the same size, for instance the
            last one of a rollout: its images mutate to `images`, and cells alive in both keep their state
            (article, "Experiment 1"). None: zero state
        seed: of the random draws

    Yields:
        (batch, channels, height, width), liveness in channel 0, then the state channels, the outputs last

    Raises:
        ValueError: as in `classify`, or `start` has another shape

    Example:
        >>> import ca
        >>> images = ca.load_digits().images[:9]
        >>> grids = list(ca.roll_out(ca.CellularAutomaton.from_pretrained(), images, ticks=30))
        >>> len(grids), grids[-1].shape
        (31, torch.Size([9, 20, 28, 28]))
    """
    liveness = _liveness_for(automaton, images)
    check_at_least(1, "ticks", ticks)
    grid = newborn(liveness, automaton.architecture)
    if start is not None:
        if start.shape != grid.shape:
            raise ValueError(f"start has shape {tuple(start.shape)}: images need {tuple(grid.shape)}")
        grid = mutate(start.to(grid), liveness, automaton.architecture)
    return _ticks(automaton, grid, ticks, seeded(seed, liveness.device))


@torch.no_grad()
def _ticks(
    automaton: CellularAutomaton, grid: Tensor, ticks: int, generator: torch.Generator
) -> Iterator[Tensor]:
    graph = CellGraph.of(grid[:, 0], automaton.architecture)
    cells = graph.gather(grid)
    yield grid
    for _ in range(ticks):
        with engine_threads(automaton):
            cells = rollout(automaton, graph, cells, random_draws(graph, automaton, 1, generator))
            grid = graph.scatter(cells, grid)
        yield grid


def draw_cells(
    grid: Tensor,
    *,
    zoom: int = 4,
    colours: Colours = DEFAULT_COLOURS,
    architecture: Architecture = ARTICLE,
) -> Picture:
    """Draw each cell in the colour of its class, the images side by side.

    Args:
        grid: (batch, channels, height, width), of `roll_out` or `classify`
        zoom: pixels along the side of a cell
        colours: of the classes: "distinct" or "petroff" (both also for colour-blind eyes), or "article"
        architecture: of the automaton whose grid it is

    Returns:
        (rows * height * zoom, columns * width * zoom, 3) uint8 RGB; dead cells white, undecided ones black

    Raises:
        ValueError: the grid has another shape, `zoom` is less than 1, or there are no such colours

    Example:
        >>> import ca
        >>> automaton = ca.CellularAutomaton.from_pretrained()
        >>> result = ca.classify(automaton, ca.load_digits().images[:4], ticks=30)
        >>> ca.draw_cells(result.grid, zoom=2).shape
        (112, 112, 3)
    """
    check_at_least(1, "zoom", zoom)
    if grid.ndim != 4 or grid.shape[1] != architecture.channels:
        raise ValueError(
            f"grid has shape {tuple(grid.shape)}, not (batch, {architecture.channels}, height, width)"
        )
    check_choice("colours", colours, Colours)
    palette, indices = palette_of(colours, architecture.classes), colour_indices(grid, architecture)
    pictures = palette[indices].repeat(zoom, 1).repeat(zoom, 2)
    return mosaic(pictures, *mosaic_shape(len(pictures)))


def _liveness_for(automaton: CellularAutomaton, images: Images) -> Tensor:
    return liveness_of(images, automaton.architecture.alive_threshold).to(
        next(automaton.parameters())
    )  # of its device and type
