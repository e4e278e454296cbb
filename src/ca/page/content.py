"""What the page is made of besides its sources: an automaton, digits, and the constants of the package."""

import base64
import copy
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from ca.architecture import TAPS
from ca.cells import alive, newborn
from ca.checkpoint.folder import Checkpoint
from ca.data.digits import Digits
from ca.model import CellularAutomaton
from ca.page.draws import draws_per_cell, page_draws
from ca.page.rule import refuse_other_rule, refuse_other_sizes
from ca.render.palette import CLASS_COLOURS, palette_of

SAMPLES_PER_CLASS, MOST_SAMPLE_BYTES = 10, 2_000_000
TRACE_SEED = 1
TRACE_TICKS = (1, 20, 200)


def page_content(checkpoint: Checkpoint, digits: Digits) -> dict[str, Any]:
    """The page's data as JSON values, which `readData` in `web/files/exported.js` decodes.

    Args:
        digits: the first ten of each class go into the page

    Raises:
        FailedError: the page does not compute the automaton's rule
    """
    automaton, architecture = checkpoint.automaton, checkpoint.automaton.architecture
    refuse_other_sizes(automaton)
    samples = _samples(digits)
    weights = save(automaton.state_dict())
    return {
        "name": checkpoint.path.resolve().name,
        "hash": hashlib.sha256(weights).hexdigest(),
        "metrics": _metrics(checkpoint.config.metrics),
        "fireRate": automaton.fire_rate,
        "noise": automaton.noise,
        "sizes": {
            "channels": architecture.channels,
            "stateChannels": architecture.state_channels,
            "classes": architecture.classes,
            "names": list(checkpoint.config.classes),
            "hidden": list(architecture.hidden),
            "taps": TAPS,
            "drawsPerCell": draws_per_cell(architecture.state_channels),
            "aliveThreshold": architecture.alive_threshold,
            "imageSide": samples.images.shape[1],
        },
        "palettes": {
            name: palette_of(name, architecture.classes)[: architecture.classes].tolist()
            for name in CLASS_COLOURS
        },
        "weights": _text(weights),
        "samples": {
            "side": samples.images.shape[1],
            "labels": samples.labels.tolist(),
            "images": _text(samples.images.numpy().tobytes()),
        },
        "trace": _trace(automaton, samples[:1]),
    }


def _samples(digits: Digits) -> Digits:
    """The first ten of each class, fewer if they are large, as squares: the page has no other images."""
    side, classes = max(digits.images.shape[1:]), len(digits.names)
    count = max(1, min(SAMPLES_PER_CLASS, MOST_SAMPLE_BYTES // (side**2 * classes)))
    numbers = [(digits.labels == label).nonzero()[:count, 0] for label in range(classes)]
    chosen = digits[torch.cat(numbers)]
    above, before = ((side - length) // 2 for length in chosen.images.shape[1:])
    below, after = (side - length - (side - length) // 2 for length in chosen.images.shape[1:])
    return replace(chosen, images=F.pad(chosen.images, (before, after, above, below)))


def _metrics(metrics: dict[str, Any]) -> str:
    """A checkpoint's figures in words."""
    named = {
        "held_out_cell_accuracy": "cell accuracy",
        "held_out_agreement": "agreement",
        "held_out_digit_accuracy": "digit accuracy",
    }
    figures = [f"{name} {metrics[key]:.1%}" for key, name in named.items() if key in metrics]
    return f"On held-out training digits: {', '.join(figures)}." if figures else ""


@torch.no_grad()
def _trace(automaton: CellularAutomaton, digit: Digits) -> dict[str, Any]:
    """A rollout in PyTorch for the page to repeat: states (alive, state channels) after some ticks.

    In float64, as the page computes: the rounding errors of float32 grow in cells that do not settle.
    """
    exact, architecture = copy.deepcopy(automaton).double(), automaton.architecture
    grids = {0: newborn(digit.liveness, architecture).double()}
    with _one_thread():
        grid = grids[0]
        for tick in range(max(TRACE_TICKS)):
            fired, noise = page_draws(
                grid.shape[-1],
                architecture.state_channels,
                seed=TRACE_SEED,
                tick=tick,
                fire_rate=automaton.fire_rate,
                noise=automaton.noise,
            )
            grid = exact.tick(grid, fired, noise.double())
            if tick + 1 in TRACE_TICKS:
                grids[tick + 1] = grid
        refuse_other_rule(exact, torch.cat(list(grids.values())))
    living = alive(digit.liveness[0], architecture)
    return {
        "side": grid.shape[-1],
        "ink": _text(digit.images.numpy().tobytes()),
        "seed": TRACE_SEED,
        "fireRate": automaton.fire_rate,
        "noise": automaton.noise,
        "states": {ticks: _text(_states(grids[ticks], living)) for ticks in TRACE_TICKS},
    }


@contextmanager
def _one_thread() -> Generator[None]:
    """Compute with one thread: one digit is too small for more, which only wait on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _states(grid: Tensor, living: Tensor) -> bytes:
    return grid[0, 1:, living].T.float().numpy().astype("<f4").tobytes()


def _text(content: bytes) -> str:
    """Bytes as text that `fromText` in `web/files/link.js` decodes."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
