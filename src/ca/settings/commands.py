"""What a user can set: one dataclass a subcommand, checked as soon as it is made.

Nothing heavy is imported here, so that `ca --help` and bad usage answer at once.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ca.settings.choices import DEFAULT_COLOURS, Colours, Dataset, Layout, LossName, RecipeName, Regime, View
from ca.settings.recipes import BEST, RECIPES
from ca.system.errors import UsageError

MAX_COUNT = 10**9
MAX_NOISE = 1000.0  # beyond it cells overflow
BOARD_SHARE = 32  # cells along a square that each digit of a board has where its size is not given
THE_BUNDLED = "(default: the one that comes with ca)"


def _whole(words: list[str]) -> int:
    try:
        return int(words[0])
    except ValueError:
        number = float(words[0])
        if not number.is_integer():
            raise ValueError(f"{words[0]} is not a whole number") from None
        return int(number)


Count = Annotated[
    int,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=_whole,
        is_instance=lambda value: isinstance(value, int),
        str_from_instance=lambda value: [str(value)],
    ),
]  # 100_000 or 1e5
CheckpointPath = Annotated[
    Path | None,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="CHECKPOINT", help_behavior_hint=THE_BUNDLED),
]
CheckpointPaths = Annotated[
    tuple[Path, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="[CHECKPOINT ...]", help_behavior_hint=THE_BUNDLED),
]
THE_CHECKPOINTS = tyro.conf.arg(help_behavior_hint="(default: the checkpoint's)")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Train an automaton; checkpoints, figures and metrics go into the output folder."""

    recipe: RecipeName = "best"
    """Optimiser, schedule, steps and ticks. best: SOAP, as far as it goes. quick: the same in 4,000 steps.
    article: Adam, as the article did it."""
    steps: Count = BEST.steps
    """Training steps in all, also after --resume; the learning rate follows them."""
    batch_size: int = 16
    """Digits a step; a multiple of 4 (a quarter is reseeded, a quarter mutated)."""
    pool_size: int = 160
    """Samples that persist between steps."""
    ticks: Annotated[tuple[int, ...], tyro.conf.arg(metavar="LEAST MOST [LEAST MOST]")] = BEST.ticks
    """Least and most ticks a step; how many is drawn for each step. Two numbers more are those at the end
    of the run, to which the first two grow."""
    regime: Regime = "mutating"
    """naive: fresh digits every step. persistent: a pool, half of the batch reseeded. mutating: a pool, a
    quarter reseeded and a quarter mutated."""
    loss: LossName = "l2"
    """Loss over the alive cells' outputs."""
    noise: bool = True
    """Gaussian noise on the residual."""
    seed: int = 0
    """The same seed repeats a run exactly on the same machine."""
    dataset: Dataset = "mnist"
    """MNIST comes with the package; the others are looked for in --data-dir and downloaded if absent."""
    data_dir: Path = Path("data")
    """Folder of the other data sets."""
    held_out: int = 5_000
    """Training digits kept out of training, on which checkpoints are scored."""
    checkpoint_every: Count = 10_000
    """Steps between checkpoints; there is one more at the end."""
    output_dir: Path = Path("outputs_train")
    """Folder of the run. A resumed run stays in the folder of its checkpoint."""
    resume: Annotated[Path | None, tyro.conf.arg(help_behavior_hint="")] = None
    """Checkpoint to go on from, or a run's folder: its newest one that is whole. Its settings hold unless
    given anew. If it is --output-dir, a run begins where there is none: the same command always goes on."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""
    profile: bool = False
    """Write what the first steps spend their time on to profile.json, for ui.perfetto.dev or chrome://tracing."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "pool_size", "checkpoint_every"):
            _at_least(1, name, getattr(self, name))
        pairs = list(zip(self.ticks[::2], self.ticks[1::2], strict=False))
        if len(self.ticks) not in (2, 4) or not all(1 <= least <= most <= MAX_COUNT for least, most in pairs):
            given = " ".join(map(str, self.ticks))
            raise UsageError(
                f"--ticks must be two or four numbers from 1 on, the lower of two first, not {given}"
            )
        _at_least(0, "held_out", self.held_out)
        _check_seed(self.seed)
        if self.batch_size % 4:
            raise UsageError(f"--batch-size must be a multiple of 4, not {self.batch_size}")
        if self.pool_size < self.batch_size:
            raise UsageError(f"--pool-size {self.pool_size} is too small for --batch-size {self.batch_size}")

    @classmethod
    def of(cls, recipe: RecipeName) -> "TrainSettings":
        """The settings of a recipe."""
        return cls(recipe=recipe, steps=RECIPES[recipe].steps, ticks=RECIPES[recipe].ticks)


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Render a video of digits that classify themselves, and print how many are right."""

    checkpoint: CheckpointPath = None
    """Folder of the checkpoint."""
    batch_size: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: 100; channels: 5)")] = None
    """Digits in the picture."""
    view: View = "classes"
    """What is seen of a cell. classes: the largest output. confidence: the same, darker the less it is above
    the second largest. channels: all of the state, a picture a channel."""
    layout: Layout = "mosaic"
    """mosaic: digits side by side, each alone. board: all on one large square."""
    board_size: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: room for all)")] = None
    """Cells along the side of the board."""
    colours: Colours = DEFAULT_COLOURS
    """Colours of the classes. distinct and petroff: also for colour-blind eyes. article: the article's."""
    n_stages: int = 2
    """Stages; the digits mutate between them."""
    n_steps_per_stage: int = 200
    """Ticks a stage."""
    zoom_scale: int = 3
    """Pixels along the side of a cell."""
    fps: float = 30.0
    """Frames (ticks) a second, 1 to 240."""
    slider: bool = True
    """A slider under the picture, with a mark where each stage starts."""
    annotations: bool = False
    """The class of each cell where the zoom leaves room, and a caption above each digit."""
    format: Literal["mp4", "gif"] = "mp4"
    """Kind of video."""
    fire_rate: Annotated[float | None, THE_CHECKPOINTS] = None
    """Probability that a cell takes part in a tick."""
    noise: Annotated[float | None, THE_CHECKPOINTS] = None
    """Standard deviation of the residual noise."""
    seed: int = 0
    """Which digits, and all random draws of their rollout."""
    dataset: Annotated[Dataset | None, THE_CHECKPOINTS] = None
    """Data set of the digits."""
    data_dir: Path = Path("data")
    """Folder of the data sets other than MNIST."""
    output_dir: Path = Path("outputs_evaluate")
    """Folder of the video."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        for name in ("n_stages", "n_steps_per_stage", "zoom_scale"):
            _at_least(1, name, getattr(self, name))
        if self.batch_size is not None:
            _at_least(1, "batch_size", self.batch_size)
        if self.board_size is not None:
            _at_least(28, "board_size", self.board_size)
            if self.layout != "board":
                raise UsageError(f"--board-size {self.board_size} needs --layout board")
        _check_seed(self.seed)
        _check_range(1, 240, "fps", self.fps)
        if self.fire_rate is not None:
            _check_range(0, 1, "fire_rate", self.fire_rate)
        if self.noise is not None:
            _check_range(0, MAX_NOISE, "noise", self.noise)

    @property
    def num_digits(self) -> int:
        """Digits in the picture."""
        if self.batch_size is None:
            return 5 if self.view == "channels" else 100
        return self.batch_size

    @property
    def board_side(self) -> int:
        """Cells along the side of the board."""
        if self.board_size is None:
            return math.ceil(BOARD_SHARE * math.sqrt(self.num_digits))
        return self.board_size


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Measure checkpoints on all test digits (200 ticks, a mutation, 200 ticks); writes JSON and figures."""

    checkpoints: CheckpointPaths = ()
    """Folders of the checkpoints; the curves of all go into the same figures."""
    n_digits: Annotated[int | None, tyro.conf.arg(help_behavior_hint="(default: all)")] = None
    """Measure on the first test digits only."""
    n_steps_per_stage: int = 200
    """Ticks before, and after, the mutation."""
    seed: int = 0
    """The same seed gives the same figures."""
    dataset: Annotated[Dataset | None, THE_CHECKPOINTS] = None
    """Data set of the digits."""
    data_dir: Path = Path("data")
    """Folder of the data sets other than MNIST."""
    colours: Colours = DEFAULT_COLOURS
    """Colours of the classes. distinct and petroff: also for colour-blind eyes. article: the article's."""
    output_dir: Path = Path("outputs_report")
    """Folder of the JSON files and figures."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        if self.n_digits is not None:
            _at_least(2, "n_digits", self.n_digits)
        _at_least(1, "n_steps_per_stage", self.n_steps_per_stage)
        _check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """Measure speed, memory and start-up: the engine, the dense rule, and the machine's limit."""

    repeats: int = 20
    """Rounds; each times the three in turn."""
    batch_size: int = 16
    """Digits a step."""
    ticks: int = 20
    """Ticks a step."""
    processes: bool = True
    """Also start whole commands, and measure their memory and start-up."""
    json: bool = False
    """Print JSON instead of a table."""
    output_dir: Path = Path("outputs_benchmark")
    """Where the figure and the JSON file go."""
    seed: int = 0
    """Which digits, and all random draws."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        for name in ("repeats", "batch_size", "ticks"):
            _at_least(1, name, getattr(self, name))
        _check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Draw digits in a browser, and watch the cells make up their minds. Serves this machine only."""

    checkpoint: CheckpointPath = None
    """Folder of the checkpoint."""
    port: int = 8765
    """Port of 127.0.0.1; 0 takes any that is free."""
    browser: bool = True
    """Open the page in the browser."""
    data_dir: Path = Path("data")
    """Folder of the data sets other than MNIST."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise UsageError(f"--port must be between 0 and 65535, not {self.port}")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Write the page of `ca demo` as one file, which opens from disk and needs no network."""

    checkpoint: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """Folder of the checkpoint."""
    page: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PAGE")]
    """The file, for instance page.html."""
    data_dir: Path = Path("data")
    """Folder of the data sets other than MNIST."""


Settings = (
    TrainSettings | EvaluateSettings | ReportSettings | DemoSettings | ExportSettings | BenchmarkSettings
)


def flag_of(name: str, value: object) -> str:
    """A setting as it is written on the command line."""
    if value is False:
        return _flag(f"no_{name}")
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([_flag(name), *(str(value) for value in values if value is not True)])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _at_least(least: int, name: str, value: int) -> None:
    if value < least:
        raise UsageError(f"{_flag(name)} must be at least {least}, not {value}")
    if value > MAX_COUNT:
        raise UsageError(f"{_flag(name)} must be at most {MAX_COUNT}, not {value}")


def _check_range(low: float, high: float, name: str, value: float) -> None:
    if not (low <= value <= high and math.isfinite(value)):
        raise UsageError(f"{_flag(name)} must be between {low:g} and {high:g}, not {value}")


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise UsageError(f"--seed must be between 0 and 2^63 - 1, not {seed}")
