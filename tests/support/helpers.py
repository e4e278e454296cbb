"""Helpers of several tests: random automata, digits, checkpoints, child processes, dense random draws."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ca.architecture import Architecture
from ca.cells import alive, newborn
from ca.checkpoint.config import CONFIG, Machine, sealed
from ca.checkpoint.folder import save_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.engine.graph import CellGraph, RandomDraws
from ca.model import CellularAutomaton
from ca.settings.choices import Dataset
from ca.settings.training import RunSettings, settings_of
from support.sizes import ALIVE_THRESHOLD, ARTICLE, NUM_CLASSES

NO_FOLDER = Path("no-such-folder")
FIRST_GREY = 30  # alive: 30 / 255 > 0.1
MACHINE = Machine(torch="2.0", device="cpu", instructions="AVX2", engine="torch", threads=1, processes=1)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_automaton(
    seed: int = 0,
    *,
    fire_rate: float = 0.5,
    noise: float = 0.02,
    dtype: torch.dtype = torch.float64,
    architecture: Architecture = ARTICLE,
) -> CellularAutomaton:
    """Make an automaton whose parameters are all random, biases and last layer too."""
    automaton = CellularAutomaton(replace(architecture, fire_rate=fire_rate, noise=noise)).to(dtype)
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in automaton.parameters():
            parameter.normal_(0, 0.1, generator=generator)
    return automaton


def saved_automaton(folder: Path, automaton: CellularAutomaton, dataset: Dataset = "mnist") -> Path:
    """Write a checkpoint of step 7, and return its path."""
    return save_checkpoint(
        folder,
        automaton,
        step=7,
        training=RunSettings(dataset=dataset, **settings_of(automaton.architecture)),
        machine=MACHINE,
        metrics={},
        training_state={},
    )


def reseal(checkpoint: Path, change: Callable[[dict[str, Any]], object] = lambda config: None) -> None:
    """Change a checkpoint's config and state the SHA-256 of all files in it, as a forger would."""
    config = json.loads((checkpoint / CONFIG).read_text())
    change(config)
    others = {file.name: file.read_bytes() for file in checkpoint.iterdir() if file.name != CONFIG}
    (checkpoint / CONFIG).write_bytes(sealed(config, others))


def endless_file(path: Path, kind: str) -> None:
    """Make something that takes forever to read: a pipe without a writer, a device, or 200 GB of zeros."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 200 * 10**9)


def shell_program(path: Path, script: str) -> str:
    """Write a program of the shell; return its path."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def in_child(work: Callable[[], object], stderr: int | None = None) -> int:
    """Run work in a forked process, which exits as a command does, or after 100 s; returns its process id."""
    child = os.fork()
    if child == 0:
        code = 99
        signal.alarm(100)
        try:
            if stderr is not None:
                os.dup2(stderr, 2)
                sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
            work()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Wait for a forked process; negative numbers are signals."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told_in_child(work: Callable[[], object]) -> tuple[int, str]:
    """Run work in a forked process; returns its exit code and what it wrote to stderr."""
    read, write = os.pipe()
    child = in_child(work, write)
    os.close(write)
    with open(read) as pipe:
        told = pipe.read()
    return exit_code(child), told


def error_line(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that fails and return its one line on stderr, without "ca: "."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == code
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("ca: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    return error.removeprefix("ca: ").removesuffix("\n")


def random_liveness(ink: str, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw one image (height, width), float64: of dead (0), faint (0 to 0.1) and alive (0.1 to 1) pixels."""
    kinds = {
        "none": torch.zeros(height, width),
        "all faint": torch.ones(height, width),
        "all alive": torch.full((height, width), 2),
        "one alive": torch.zeros(height, width),
        "mixed": torch.randint(3, (height, width), generator=generator),
        "sparse": torch.randint(10, (height, width), generator=generator) - 7,
    }[ink]
    if ink == "one alive":
        kinds.view(-1)[torch.randint(height * width, (1,), generator=generator)] = 2
    grey = torch.rand(height, width, dtype=torch.float64, generator=generator)
    faint = 0.001 + grey * (ALIVE_THRESHOLD - 0.001)
    faint[grey > 0.9] = ALIVE_THRESHOLD  # the threshold itself is dead
    liveness = torch.zeros(height, width, dtype=torch.float64)
    liveness[kinds == 1] = faint[kinds == 1]
    liveness[kinds == 2] = 0.101 + 0.899 * grey[kinds == 2]
    return liveness


INKS = ("none", "all faint", "all alive", "one alive", "mixed", "sparse")


def with_random_state(
    liveness: Tensor, generator: torch.Generator, architecture: Architecture = ARTICLE
) -> Tensor:
    """Make a grid of digits whose alive cells have random state."""
    grid = newborn(liveness, architecture)
    state = torch.randn(grid[:, 1:].shape, dtype=grid.dtype, generator=generator)
    grid[:, 1:] = state * alive(liveness, architecture).unsqueeze(1)
    return grid


def dense_draws(graph: CellGraph, draws: RandomDraws, liveness: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Fire mask (batch, height, width) and noise (batch, state channels, height, width) of each tick.

    The noise of cells that do not fire is large: the rule must not use it.
    """
    dense = []
    for fired, noise in draws.by_tick():
        mask = torch.zeros(liveness.shape, dtype=torch.bool)
        mask[graph.batch[fired], graph.y[fired], graph.x[fired]] = True
        everywhere = torch.full(
            (liveness.shape[0], noise.shape[1], *liveness.shape[1:]), 7.0, dtype=noise.dtype
        )
        everywhere[graph.batch[fired], :, graph.y[fired], graph.x[fired]] = noise
        dense.append((mask, everywhere))
    return dense


def numbered_digits(count: int = 23, height: int = 5, width: int = 4) -> Digits:
    """Make digits that can be recognised: the first pixel of digit n is 30 + n, its label n % 10."""
    ink = torch.tensor([0, 20, 200], dtype=torch.uint8)
    images = ink[torch.randint(3, (count, height, width), generator=seeded(5))]
    numbers = torch.arange(count)
    images[:, 0, 0] = (FIRST_GREY + numbers).to(torch.uint8)
    return Digits(images, numbers % NUM_CLASSES)


def numbers_of(grid: Tensor) -> Tensor:
    """Read the numbers of `numbered_digits` in a grid: (batch, 20, height, width) -> (batch,) int64."""
    return (grid[:, 0, 0, 0] * 255).round().long() - FIRST_GREY
