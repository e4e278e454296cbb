"""The state of a training run: everything that a step reads and changes, and how it is stored."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor
from torch.optim import Optimizer

from ca.checkpoint import CONFIG, Checkpoint, load_training_state
from ca.device import seeded
from ca.digits import Digits, load_digits
from ca.errors import FailedError, UsageError
from ca.model import NOISE, CellularAutomaton
from ca.optimisers import make_optimisers, optimiser_state, restore_optimisers
from ca.pool import Pool
from ca.recipes import RECIPES, Recipe
from ca.settings import TrainSettings, flag_of

ELSEWHERE = ("resume", "output_dir", "data_dir", "device")  # settings that say where, not what
CHANGEABLE = (*ELSEWHERE, "steps", "checkpoint_every")  # settings that a resumed run may change


@dataclass
class TrainingRun:
    """A run between two steps.

    Attributes:
        held_out: digits that are never trained on
        draws: on the CPU; draws digits, batches and numbers of ticks
        generator: on the automaton's device; draws fire masks and noise
        step: steps done so far
    """

    settings: TrainSettings
    recipe: Recipe
    automaton: CellularAutomaton
    optimisers: list[Optimizer]
    pool: Pool
    held_out: Digits
    draws: torch.Generator
    generator: torch.Generator
    step: int = 0

    @classmethod
    def start(cls, settings: TrainSettings, device: torch.device) -> "TrainingRun":
        """A new run: fresh weights, a pool of fresh digits.

        Raises:
            UsageError: --held-out leaves nothing to train on
        """
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
            pool=Pool(digits[:kept], settings.pool_size, settings.regime, draws),
            held_out=digits[kept:],
            draws=draws,
            generator=seeded(settings.seed, device),
        )

    @classmethod
    def resume(cls, settings: TrainSettings, checkpoint: Checkpoint, device: torch.device) -> "TrainingRun":
        """The run that wrote a checkpoint, as it was then.

        Raises:
            UsageError: a setting differs that would make it another run
            FailedError: the checkpoint has no training state, or one that does not fit
        """
        for name, value in saved_settings(checkpoint).items():
            asked = getattr(settings, name)
            if name not in CHANGEABLE and asked != value:
                flag = flag_of(name, asked)
                raise UsageError(f"can't resume {checkpoint.path} with {flag}: it has {flag_of(name, value)}")
        if checkpoint.step >= settings.steps:
            raise UsageError(
                f"{checkpoint.path} has {checkpoint.step} steps already: give --steps a higher number"
            )
        run = cls.start(settings, device)
        run.step = checkpoint.step
        try:
            run._restore(load_training_state(checkpoint))
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise FailedError(
                f"can't resume from {checkpoint.path}: its state does not fit: {error}"
            ) from error
        run.automaton.load_state_dict(checkpoint.automaton.state_dict())
        return run

    def draw_ticks(self) -> int:
        """How many ticks a step has: its bounds move linearly over the run."""
        ticks, done = self.settings.ticks, self.step / self.settings.steps
        least, most = (round((1 - done) * ticks[end] + done * ticks[end - 2]) for end in (0, 1))
        return int(torch.randint(least, most + 1, (), generator=self.draws))

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs beyond the weights and the step."""
        return {
            "pool.grid": self.pool.grid.contiguous(),
            "pool.labels": self.pool.labels,
            "generator.draws": self.draws.get_state(),
            "generator.chance": self.generator.get_state(),
            **optimiser_state(self.optimisers),
        }

    def _restore(self, state: dict[str, Tensor]) -> None:
        for name, target in (("pool.grid", self.pool.grid), ("pool.labels", self.pool.labels)):
            if state[name].shape != target.shape:
                raise ValueError(f"{name} is {tuple(state[name].shape)}, expected {tuple(target.shape)}")
            target.copy_(state[name])
        self.draws.set_state(state["generator.draws"])
        self.generator.set_state(state["generator.chance"])
        restore_optimisers(self.optimisers, state, self.step)


def settings_to_save(settings: TrainSettings) -> dict[str, Any]:
    """What a checkpoint keeps of a run's settings, as JSON values; the recipe is written out."""
    kept = {name: value for name, value in asdict(settings).items() if name not in ELSEWHERE}
    return {**kept, "optimisation": asdict(RECIPES[settings.recipe])}


def saved_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """The settings of a checkpoint's run, to be given to `TrainSettings`.

    Raises:
        FailedError: one of them is of the wrong kind
    """
    found = {}
    for name, kind in get_type_hints(TrainSettings).items():
        if name in ELSEWHERE or name not in checkpoint.config["training"]:
            continue
        value = checkpoint.config["training"][name]
        if get_origin(kind) is tuple and isinstance(value, list):
            value = tuple(value)
            fits = all(type(one) is int for one in value)
        else:
            fits = value in get_args(kind) if get_origin(kind) is Literal else type(value) is kind
        if not fits:
            raise FailedError(f"{checkpoint.path / CONFIG} is damaged: {name} is {value!r}")
        found[name] = value
    return found
