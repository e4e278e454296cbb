"""The state of a training run: everything that a step reads and changes, and how it is stored."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer

from ca.cells import NUM_CLASSES
from ca.checkpoint import Checkpoint, load_training_state
from ca.checkpoint_files import CONFIG
from ca.device import machine, seeded, stream
from ca.digits import Digits, load_digits
from ca.errors import CheckpointError, UsageError
from ca.interrupt import StopSignal
from ca.model import NOISE, CellularAutomaton
from ca.optimisers import make_optimiser_state, make_optimisers, optimiser_state
from ca.pool import Pool
from ca.ranks import Ranks
from ca.recipes import RECIPES, Recipe
from ca.saved_settings import CHANGEABLE, saved_settings
from ca.settings import TrainSettings, flag_of
from ca.tell import tell

ALONE = Ranks()
POOL_STREAM, CHANCE_STREAM = 0, 1
GENERATOR_BYTES = 5056  # the state of PyTorch's generators: no device's is larger than the CPU's


@dataclass
class TrainingRun:
    """A run between two steps.

    Attributes:
        pool: this process's share; its generator draws digits and batches, in each process others
        held_out: digits that are never trained on
        draws: on the CPU; draws what all processes share, weights and numbers of ticks
        generator: on the automaton's device; draws fire masks and noise, in each process others
        ranks: the processes of this run
        step: steps done so far
        stop: signals to this process
        stopped_by: a stop signal that any process had got by the last step, or 0
    """

    settings: TrainSettings
    recipe: Recipe
    automaton: CellularAutomaton
    optimisers: list[Optimizer]
    pool: Pool
    held_out: Digits
    draws: torch.Generator
    generator: torch.Generator
    ranks: Ranks
    step: int = 0
    stop: StopSignal = field(default_factory=StopSignal)
    stopped_by: int = 0

    @classmethod
    def start(
        cls, settings: TrainSettings, device: torch.device, ranks: Ranks = ALONE, step: int = 0
    ) -> "TrainingRun":
        """A new run: fresh weights, a pool of fresh digits; `step` is where its chance begins.

        Raises:
            UsageError: --held-out leaves nothing to train on, or the processes can't share the work evenly
        """
        if settings.batch_size % (4 * ranks.size) or settings.pool_size % ranks.size:
            raise UsageError(
                f"{ranks.size} processes can't share --batch-size {settings.batch_size} and --pool-size "
                f"{settings.pool_size} evenly, four digits or a multiple each"
            )
        digits = load_digits(settings.dataset, "train", settings.data_dir).to(device)
        kept = len(digits) - settings.held_out
        if kept < 1:
            raise UsageError(f"--held-out {settings.held_out} leaves none of {len(digits)} training digits")
        draws = seeded(settings.seed)
        automaton = CellularAutomaton(noise=NOISE if settings.noise else 0.0)
        automaton.initialise(draws)
        automaton.to(device)
        recipe = RECIPES[settings.recipe]
        return cls(
            settings=settings,
            recipe=recipe,
            automaton=automaton,
            optimisers=make_optimisers(automaton, recipe),
            pool=Pool(
                digits[:kept],
                settings.pool_size // ranks.size,
                settings.regime,
                stream("cpu", settings.seed, step, ranks.rank, POOL_STREAM),
            ),
            held_out=digits[kept:],
            draws=draws,
            generator=stream(device, settings.seed, step, ranks.rank, CHANCE_STREAM),
            ranks=ranks,
            step=step,
        )

    @classmethod
    def resume(
        cls, settings: TrainSettings, checkpoint: Checkpoint, device: torch.device, ranks: Ranks = ALONE
    ) -> "TrainingRun":
        """The run that wrote a checkpoint, as it was then; on another machine or by other processes, nearly.

        Raises:
            UsageError: a setting differs that would make it another run
            CheckpointError: the checkpoint has no training state, or one that does not fit
        """
        saved = saved_settings(checkpoint)
        changed = [n for n in saved if n not in CHANGEABLE and getattr(settings, n) != saved[n]]
        if changed:
            asked = " ".join(flag_of(name, getattr(settings, name)) for name in changed)
            has = " ".join(flag_of(name, saved[name]) for name in changed)
            raise UsageError(f"can't resume {checkpoint.path} with {asked}: it has {has}")
        if checkpoint.step >= settings.steps:
            raise UsageError(
                f"{checkpoint.path} has {checkpoint.step} steps already: give --steps a higher number"
            )
        run = cls.start(settings, device, ranks, checkpoint.step)
        make_optimiser_state(run.optimisers, run.step)
        run.automaton.load_state_dict(checkpoint.automaton.state_dict())
        run.restore(checkpoint)
        return run

    def draw_ticks(self) -> int:
        """How many ticks a step has: its bounds move linearly over the run."""
        ticks, done = self.settings.ticks, self.step / self.settings.steps
        least, most = (round((1 - done) * ticks[end] + done * ticks[end - 2]) for end in (0, 1))
        return int(torch.randint(least, most + 1, (), generator=self.draws))

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs beyond the weights and the step; all processes ask for it together."""
        gather, device = self.ranks.gather, self.pool.labels.device
        chance = self.generator.get_state()
        chance = F.pad(chance, (0, GENERATOR_BYTES - len(chance)))
        return {
            "pool.grid": gather(self.pool.grid.contiguous()).flatten(0, 1),
            "pool.labels": gather(self.pool.labels).flatten(),
            "generator.draws": self.draws.get_state(),
            "generator.pool": gather(self.pool.generator.get_state().to(device)),
            "generator.chance": gather(chance.to(device)),
            **{name: kept.contiguous() for name, kept in optimiser_state(self.optimisers).items()},
        }

    def machine(self) -> dict[str, Any]:
        """What the bits of this run depend on besides its settings."""
        return machine(self.pool.labels.device, self.ranks.size)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint's training state; chance begins anew where it is another's.

        Raises:
            CheckpointError: it has none, or one that does not fit
        """
        written = checkpoint.config["machine"]
        processes = written.get("processes")
        if type(processes) is not int or not 1 <= processes <= self.settings.batch_size:
            raise CheckpointError(f"{checkpoint.path / CONFIG} is damaged: processes is {processes!r:.20}")
        size, kept = self.settings.pool_size, optimiser_state(self.optimisers)
        generators = torch.empty(processes, GENERATOR_BYTES, dtype=torch.uint8)
        expected = {
            "pool.grid": torch.empty(size, *self.pool.grid.shape[1:]),
            "pool.labels": torch.empty(size, dtype=torch.int64),
            "generator.draws": generators[0],
            "generator.pool": generators,
            "generator.chance": generators,
        }
        state = load_training_state(checkpoint, expected | kept)
        try:
            self.draws.set_state(state["generator.draws"])
            if processes == self.ranks.size:
                self.pool.generator.set_state(state["generator.pool"][self.ranks.rank].clone())
                if written.get("device") == self.machine()["device"]:
                    chance = state["generator.chance"][self.ranks.rank]
                    self.generator.set_state(chance[: len(self.generator.get_state())].clone())
        except RuntimeError as error:
            raise CheckpointError(f"can't resume from {checkpoint.path}: {error}") from error
        if not ((state["pool.labels"] >= 0) & (state["pool.labels"] < NUM_CLASSES)).all():
            raise CheckpointError(f"can't resume from {checkpoint.path}: pool.labels are not classes")
        share = slice(self.ranks.rank * len(self.pool.labels), (self.ranks.rank + 1) * len(self.pool.labels))
        self.pool.grid.copy_(state["pool.grid"][share])
        self.pool.labels.copy_(state["pool.labels"][share])
        for name, target in kept.items():
            target.copy_(state[name])
        differences = [
            f"{name} {value}, was {written.get(name)!r:.40}"
            for name, value in self.machine().items()
            if written.get(name) != value
        ]
        if differences and self.ranks.leads:
            tell(f"ca: not bit for bit as before: {'; '.join(differences)}")
