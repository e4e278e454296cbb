"""The settings of `ca train`: those that define a run, and those about files and devices."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from ca.architecture import Architecture
from ca.settings.checks import MAX_COUNT, MAX_NOISE, check_architecture, check_count, check_range, check_seed
from ca.settings.choices import LossName, OptimiserName, RecipeName, Regime
from ca.settings.flags import (
    FROM_RECIPE,
    DatasetOrPath,
    Folder,
    FolderOrNone,
    Number,
    PathWordsOrNone,
    Rates,
    Ticks,
    TrackerOrNone,
    Whole,
    WholeOrNone,
    Widths,
    default_is,
)
from ca.settings.recipes import RECIPES, Recipe
from ca.sizes import BOARD_SIDE, IMAGE_SIDE
from ca.system.errors import UsageError

# Settings whose defaults are the recipe's.
OF_RECIPE = (
    "steps",
    "ticks",
    "augment",
    "written_share",
    "fire_rate",
    "optimiser",
    "rate",
    "warm_up",
    "normalise",
)
# Settings that are the checkpoint's with `--start-from`, unless they are given.
OF_ARCHITECTURE = ("communication_channels", "hidden", "alive_threshold")
MAX_RATE = 1.0


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings that define a training run. A checkpoint keeps them.

    Those whose default is `FROM_RECIPE` are those of the recipe unless they are given.
    """

    recipe: RecipeName = "best"
    """Optimiser, learning rate, and defaults of other settings.
    best: SOAP, 100,000 steps.
    quick: SOAP, 4,000 steps.
    article: Adam, 100,000 steps, as in the article.
    drawn: best at half the rate, with --augment --written-share 0.25 --fire-rate 0.25 1."""
    steps: Annotated[Whole, default_is("the recipe's")] = FROM_RECIPE
    """Training steps in total, counted from the start of the run also with --resume."""
    batch_size: Whole = 16
    """Digits a step, a multiple of 4."""
    pool_size: Whole = 160
    """Samples that persist between steps."""
    ticks: Annotated[Ticks, default_is("the recipe's")] = FROM_RECIPE
    """Least and most ticks a step; the number is drawn for each step.
    With four numbers, the bounds move over the run from the first two to the last two."""
    regime: Regime = "mutating"
    """naive: all digits of a batch are new in every step.
    persistent: a pool; half of a batch is replaced by new digits.
    mutating: a pool; a quarter is replaced, a quarter gets a new digit and keeps its state."""
    loss: LossName = "l2"
    """Loss over the outputs of the alive cells."""
    communication_channels: Whole = Architecture.communication_channels
    """Channels of a cell that are free to communicate, 0 to 64, besides one for each class."""
    hidden: Widths = Architecture.hidden
    """Widths of the layers of the update rule before the last one, one to four of 1 to 512.
    The first perceives the 3x3 cells around a cell."""
    alive_threshold: Number = Architecture.alive_threshold
    """Grey value, 0 to 1, above which a cell is alive."""
    noise_level: Number = Architecture.noise
    """Standard deviation of the Gaussian noise on the residual."""
    fire_rate: Annotated[Rates, default_is("the recipe's")] = FROM_RECIPE
    """Probability that a cell is updated in a tick, drawn for each step if there are two numbers.
    Without numbers: the automaton's own, 0.5. Scores are measured with the automaton's own."""
    augment: Annotated[bool, default_is("the recipe's")] = FROM_RECIPE
    """Distort each new digit of the data set: its size, rotation, shape, strokes and contrast."""
    written_share: Annotated[Number, default_is("the recipe's")] = FROM_RECIPE
    """Share of the new digits that are written by a generator of pen strokes, 0 to 1."""
    optimiser: Annotated[OptimiserName, default_is("the recipe's")] = FROM_RECIPE
    """Optimiser of the weight matrices. Biases are always updated by Adam."""
    rate: Annotated[Number, default_is("the recipe's")] = FROM_RECIPE
    """Highest learning rate."""
    warm_up: Annotated[Whole, default_is("the recipe's")] = FROM_RECIPE
    """Steps in which the learning rate grows to its highest."""
    normalise: Annotated[bool, default_is("the recipe's")] = FROM_RECIPE
    """Divide each parameter tensor's gradient by its norm."""
    start_from: PathWordsOrNone = None
    """Start with the weights of this checkpoint in place of random ones."""
    seed: Whole = 0
    """The same seed repeats a run exactly on the same machine."""
    dataset: DatasetOrPath = "mnist"
    """MNIST comes with the package. The others are read from --data-dir, or downloaded to it.
    PATH: a folder with train/CLASS/*.png and test/CLASS/*.png, an .npz file, or IDX files."""
    invert: bool = False
    """The images have dark ink on white paper."""
    held_out: Annotated[WholeOrNone, default_is("a tenth, at most 5000")] = None
    """Training digits that are never trained on; checkpoints are scored on them."""
    checkpoint_every: Whole = 10_000
    """Steps between checkpoints. The last step always has one."""
    score_every: Annotated[WholeOrNone, default_is("only with checkpoints")] = None
    """Steps between scores on the held-out digits, in metrics.jsonl and the loss figure."""
    keep: Annotated[WholeOrNone, default_is("all")] = None
    """Number of checkpoints that are kept, the last ones; the best is kept too."""

    def __post_init__(self) -> None:
        for name in OF_RECIPE:
            if getattr(self, name) is FROM_RECIPE:
                object.__setattr__(self, name, getattr(RECIPES[self.recipe], name))
        for name in ("steps", "batch_size", "pool_size", "checkpoint_every", "warm_up"):
            check_count(name, getattr(self, name))
        for name in ("score_every", "keep"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        if self.held_out is not None:
            check_count("held_out", self.held_out, least=0)
        check_seed(self.seed)
        check_range("written_share", self.written_share, 0, 1)
        if not 0 < self.rate <= MAX_RATE:
            raise UsageError(f"--rate must be above 0 and up to {MAX_RATE:g}, not {self.rate}")
        check_range("noise_level", self.noise_level, 0, MAX_NOISE)
        check_architecture(lambda: self.architecture)
        _check_ticks(self.ticks)
        _check_fire_rate(self.fire_rate)
        if self.batch_size % 4:
            raise UsageError(f"--batch-size must be a multiple of 4, not {self.batch_size}")
        if self.pool_size < self.batch_size:
            raise UsageError(f"--pool-size {self.pool_size} is too small for --batch-size {self.batch_size}")

    def follows_recipe(self, name: str) -> bool:
        """Whether a setting has the recipe's value."""
        return name in OF_RECIPE and getattr(self, name) == getattr(RECIPES[self.recipe], name)

    @property
    def optimisation(self) -> Recipe:
        """The recipe, with those of its numbers that are set otherwise."""
        return replace(RECIPES[self.recipe], **{name: getattr(self, name) for name in OF_RECIPE})

    @property
    def architecture(self) -> Architecture:
        """The architecture of the automaton that is trained."""
        return Architecture(
            communication_channels=self.communication_channels,
            hidden=self.hidden,
            alive_threshold=self.alive_threshold,
            noise=self.noise_level,
        )

    @property
    def board_side(self) -> int:
        """Cells along the side of a digit of the pool."""
        return BOARD_SIDE if self.augment or self.written_share else IMAGE_SIDE


@dataclass(frozen=True, kw_only=True)
class TrainSettings(RunSettings):
    """Train an automaton. Checkpoints, figures and metrics are written into the output folder."""

    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""
    output_dir: Folder = Path("outputs_train")
    """Folder of the run. With --resume it is the checkpoint's folder, unless given."""
    resume: FolderOrNone = None
    """Continue from this checkpoint, or from the newest undamaged one in this folder, with its settings.
    If the folder is --output-dir and holds no checkpoint, start a new run there."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""
    track: TrackerOrNone = None
    """Show the run in TensorBoard or in Weights & Biases."""
    profile: bool = False
    """Write the time that the first steps take, part by part, to profile.json.
    Open it in ui.perfetto.dev or chrome://tracing."""


def settings_of(architecture: Architecture) -> dict[str, Any]:
    """The settings of a run that trains an automaton of this architecture."""
    settings = {name: getattr(architecture, name) for name in OF_ARCHITECTURE}
    return {**settings, "noise_level": architecture.noise}


def _check_ticks(ticks: tuple[int, ...]) -> None:
    pairs = zip(ticks[::2], ticks[1::2], strict=False)
    if len(ticks) not in (2, 4) or not all(1 <= least <= most <= MAX_COUNT for least, most in pairs):
        given = " ".join(map(str, ticks))
        raise UsageError(
            f"--ticks must be two or four numbers from 1 on, the lower of two first, not {given}"
        )


def _check_fire_rate(rates: tuple[float, ...]) -> None:
    if len(rates) > 2 or not all(0 < rate <= 1 for rate in rates) or sorted(rates) != list(rates):
        given = " ".join(map(str, rates))
        raise UsageError(
            f"--fire-rate must be one or two numbers above 0 and up to 1, the lower first, not {given}"
        )
