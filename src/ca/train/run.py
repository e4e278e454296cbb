"""A training run: everything that a step reads and changes."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import torch
from torch.optim import Optimizer

from ca.architecture import Architecture
from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import Digits, digits_sha256, some_of
from ca.data.load import load_digits
from ca.data.source import DigitSource
from ca.model import CellularAutomaton
from ca.pool import Pool
from ca.settings.choices import Dataset
from ca.settings.flags import flag_of
from ca.settings.limits import MOST_ALIVE_ON_BOARD, OF_TRAINING, refuse_memory, training_bytes
from ca.settings.recipes import Recipe
from ca.settings.training import OF_ARCHITECTURE, TrainSettings
from ca.sizes import BOARD_SIDE, DIGIT_NAMES
from ca.system.errors import UsageError
from ca.system.seeds import seeded, stream
from ca.system.signals import StopSignal
from ca.system.terminal import print_line
from ca.train.optimisers import make_optimisers
from ca.train.ranks import Ranks

ALONE = Ranks()
MOST_HELD_OUT = 5_000
POOL_STREAM, ROLLOUT_STREAM = 0, 1  # numbers in the seeds of a run's generators


def training_digits(settings: TrainSettings) -> Digits:
    """The training digits of the settings' data set, those to be held out included.

    Raises:
        FailedError: the data set is not available
    """
    return load_digits(settings.dataset, "train", settings.data_dir, invert=settings.invert)


@dataclass
class TrainingRun:
    """A run between two steps.

    Attributes:
        pool: this process's share; its generator draws digits and batches, different ones in each process
        held_out: digits that are never trained on
        data_sha256: SHA-256 of the training digits, those held out included
        shared_generator: on the CPU; draws weights, numbers of ticks and fire rates, for all processes
        generator: on the automaton's device; draws fire masks and noise, different ones in each process
        ranks: the processes of this run
        step: steps done
        stop: the stop signal that this process received; it listens within a `with` block
        stopped_by: a stop signal that any process had received by the last step, or 0
    """

    settings: TrainSettings
    recipe: Recipe
    automaton: CellularAutomaton
    optimisers: list[Optimizer]
    pool: Pool
    held_out: Digits
    data_sha256: str
    shared_generator: torch.Generator
    generator: torch.Generator
    ranks: Ranks
    step: int = 0
    stop: StopSignal = field(default_factory=StopSignal)
    stopped_by: int = 0

    @classmethod
    def start(
        cls,
        settings: TrainSettings,
        device: torch.device,
        ranks: Ranks = ALONE,
        step: int = 0,
        automaton: CellularAutomaton | None = None,
        digits: Digits | None = None,
    ) -> "TrainingRun":
        """A new run, with new weights or those of `--start-from`, and a pool of new digits.

        Args:
            step: steps done, for a run that is to be resumed; the generators' seeds depend on it
            automaton: trained from the weights that it has; None: a new one
            digits: training digits; None: those of the settings' data set

        Raises:
            UsageError: --held-out leaves no digits to train on, --written-share is for digits, the processes
                can't share the work evenly, or the checkpoint of `--start-from` has another architecture
            FailedError: the data set is not available
            CheckpointError: that of `--start-from` is missing or damaged
        """
        if settings.batch_size % (4 * ranks.size) or settings.pool_size % ranks.size:
            raise UsageError(
                f"{ranks.size} processes can't share --batch-size {settings.batch_size} and --pool-size "
                f"{settings.pool_size} evenly, four digits or a multiple each"
            )
        if digits is None:
            digits = training_digits(settings)
        if settings.written_share and digits.names != DIGIT_NAMES:
            raise UsageError(
                f"--written-share {settings.written_share:g} writes digits, but the classes of the data set "
                f"are {some_of(digits.names)}"
            )
        data_sha256 = digits_sha256(digits)
        digits = digits.to(device)
        held_out = min(MOST_HELD_OUT, len(digits) // 10) if settings.held_out is None else settings.held_out
        trained_on = len(digits) - held_out
        if trained_on < 1:
            raise UsageError(f"--held-out {settings.held_out} leaves none of {len(digits)} training digits")
        shared_generator = seeded(settings.seed)
        if automaton is None:
            automaton = _new_automaton(settings, len(digits.names), shared_generator)
        if settings.dataset not in get_args(Dataset):  # else the sizes are known before
            _check_images(settings, automaton.architecture, digits)
        automaton.to(device)
        recipe = settings.optimisation
        return cls(
            settings=settings,
            recipe=recipe,
            automaton=automaton,
            optimisers=make_optimisers(automaton, recipe),
            pool=Pool(
                DigitSource(
                    digits[:trained_on], augment=settings.augment, written_share=settings.written_share
                ),
                settings.pool_size // ranks.size,
                settings.regime,
                stream("cpu", settings.seed, step, ranks.rank, POOL_STREAM),
                automaton.architecture,
            ),
            held_out=digits[trained_on:],
            data_sha256=data_sha256,
            shared_generator=shared_generator,
            generator=stream(device, settings.seed, step, ranks.rank, ROLLOUT_STREAM),
            ranks=ranks,
            step=step,
        )

    def draw_ticks(self) -> int:
        """Draw the number of ticks of a step. Its bounds move linearly over the run."""
        ticks, done = self.settings.ticks, self.step / self.settings.steps
        first, last = ticks[:2], ticks[-2:]
        least, most = (round((1 - done) * a + done * b) for a, b in zip(first, last, strict=True))
        return int(torch.randint(least, most + 1, (), generator=self.shared_generator))

    def draw_fire_rate(self) -> float:
        """Draw the fire rate of a step."""
        rates = self.settings.fire_rate or (self.automaton.fire_rate,)
        least, most = rates[0], rates[-1]
        if least == most:
            return least
        return least + (most - least) * torch.rand((), generator=self.shared_generator).item()


def _check_images(settings: TrainSettings, architecture: Architecture, digits: Digits) -> None:
    """Refuse images that are too large for the memory, and tell how many have nothing to see."""
    cells = (digits.images > 255 * architecture.alive_threshold).sum((1, 2))
    board, most_alive = digits.images[0].numel(), int(cells.max())
    if settings.board_side == BOARD_SIDE:  # distorted images have other sizes
        board = BOARD_SIDE**2
        most_alive = min(board, max(most_alive, MOST_ALIVE_ON_BOARD))
    needed = training_bytes(settings, architecture, board, most_alive)
    refuse_memory(needed, settings, OF_TRAINING)
    blank = int((cells == 0).sum())
    if blank:
        print_line(
            f"ca: {blank:,} of {len(digits):,} training images have no alive cell: no grey value is above "
            f"{architecture.alive_threshold:g} of full ink"
        )


def _new_automaton(settings: TrainSettings, classes: int, generator: torch.Generator) -> CellularAutomaton:
    """An automaton with the weights of `--start-from`, or with random ones."""
    architecture = replace(settings.architecture, classes=classes)
    if settings.start_from is None:
        automaton = CellularAutomaton(architecture)
        automaton.reset_parameters(generator)
        return automaton
    path = Path(settings.start_from)
    automaton = load_checkpoint(path).automaton
    automaton.noise = architecture.noise
    found = replace(automaton.architecture, fire_rate=architecture.fire_rate)
    if found != architecture:
        raise UsageError(f"can't start from {path} with {_in_flags(architecture)}: it has {_in_flags(found)}")
    return automaton


def _in_flags(architecture: Architecture) -> str:
    flags = " ".join(flag_of(name, getattr(architecture, name)) for name in OF_ARCHITECTURE)
    return f"{flags} and {architecture.classes} classes"
