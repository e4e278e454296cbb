"""What a user can set: one dataclass for each subcommand, checked when it is made.

Nothing heavy is imported here, so that `ca --help` and bad usage are answered at once.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ca.architecture import Architecture
from ca.settings.checks import MAX_NOISE, check_architecture, check_count, check_range, check_seed
from ca.settings.choices import DEFAULT_COLOURS, Colours, Layout, View
from ca.settings.flags import (
    BUNDLED,
    CheckpointAndFile,
    CheckpointOrBundled,
    CheckpointsOrBundled,
    DatasetOrNone,
    FileOrFolderOrNone,
    Folder,
    FolderOrNone,
    Images,
    Number,
    NumberOrNone,
    SweepFile,
    Whole,
    WholeOrNone,
    Widths,
    default_is,
)
from ca.settings.training import TrainSettings
from ca.sizes import IMAGE_SIDE
from ca.system.errors import UsageError

BOARD_MARGIN = 4  # cells that each digit has beyond its image on a board of the default size


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Render a video of digits that classify themselves, and print how many are right."""

    checkpoint: CheckpointOrBundled = None
    """Folder of the checkpoint."""
    batch_size: Annotated[WholeOrNone, default_is("100, or all there are; channels: 5")] = None
    """Number of digits."""
    view: View = "classes"
    """What a cell's colour shows.
    classes: the class of its largest output.
    confidence: the same; the closer the second largest output is, the darker.
    channels: its whole state, one picture for each channel."""
    layout: Layout = "mosaic"
    """mosaic: digits side by side, each on its own grid.
    board: all digits on one large grid."""
    board_size: Annotated[WholeOrNone, default_is("room for all digits")] = None
    """Cells along a side of the board."""
    colours: Colours = DEFAULT_COLOURS
    """Colours of the classes. distinct and petroff: also for colour-blind eyes. article: the article's."""
    n_stages: Whole = 2
    """Number of stages. Between two stages every digit changes to another."""
    n_steps_per_stage: Whole = 200
    """Ticks a stage."""
    zoom_scale: Whole = 3
    """Pixels along a side of a cell."""
    fps: Number = 30.0
    """Frames a second, 1 to 240. A frame shows a tick."""
    slider: bool = True
    """Show the time under the picture, with a mark where each stage starts."""
    annotations: bool = False
    """Write the class into each cell, if the zoom leaves room, and a caption above each digit."""
    format: Literal["mp4", "gif"] = "mp4"
    """Format of the video."""
    fire_rate: Annotated[NumberOrNone, default_is("the checkpoint's")] = None
    """Probability that a cell is updated in a tick."""
    noise: Annotated[NumberOrNone, default_is("the checkpoint's")] = None
    """Standard deviation of the noise on the residual."""
    seed: Whole = 0
    """Seed of the choice of digits and of all random draws."""
    dataset: DatasetOrNone = None
    """Data set of the digits, as in ca train."""
    invert: bool = False
    """The images of --dataset have dark ink on white paper."""
    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""
    output_dir: Folder = Path("outputs_evaluate")
    """Folder of the video."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        for name in ("n_stages", "n_steps_per_stage", "zoom_scale"):
            check_count(name, getattr(self, name))
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size)
        if self.board_size is not None:
            check_count("board_size", self.board_size, least=IMAGE_SIDE)
            if self.layout != "board":
                raise UsageError(f"--board-size {self.board_size} needs --layout board")
        check_seed(self.seed)
        check_range("fps", self.fps, 1, 240)
        if self.fire_rate is not None:
            check_range("fire_rate", self.fire_rate, 0, 1)
        if self.noise is not None:
            check_range("noise", self.noise, 0, MAX_NOISE)

    @property
    def num_digits(self) -> int:
        """Digits in the picture."""
        if self.batch_size is None:
            return 5 if self.view == "channels" else 100
        return self.batch_size

    @property
    def board_side(self) -> int:
        """Cells along the side of the board."""
        return self.board_side_for(IMAGE_SIDE) if self.board_size is None else self.board_size

    def board_side_for(self, image_side: int) -> int:
        """Cells along a board with room for all digits, whose images have so many pixels along a side."""
        return math.ceil((image_side + BOARD_MARGIN) * math.sqrt(self.num_digits))


@dataclass(frozen=True, kw_only=True)
class ClassifySettings:
    """Read the handwritten digits of photographs and scans; print each digit and how sure it is."""

    images: Images
    """Image files. Ink may be dark on light or light on dark."""
    checkpoint: Annotated[FolderOrNone, BUNDLED] = None
    """Folder of the checkpoint."""
    picture: FileOrFolderOrNone = None
    """Write a copy of each image with the digits marked: a .png or .jpg file, or a folder."""
    video: FileOrFolderOrNone = None
    """Write a video of the cells of each image: a .mp4 or .gif file, or a folder."""
    ticks: Whole = 100
    """Ticks that the cells have to agree."""
    seed: Whole = 0
    """The same seed gives the same results."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        if not self.images:
            raise UsageError("an image is missing: name one or several, as in ca classify photo.jpg")
        check_count("ticks", self.ticks)
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Measure checkpoints on the test digits: 200 ticks, a mutation, 200 ticks. Write JSON and figures."""

    checkpoints: CheckpointsOrBundled = ()
    """Folders of the checkpoints. The curves of all are drawn into the same figures."""
    robustness: bool = False
    """Measure distorted, drawn, damaged and other digits instead, without a mutation."""
    n_digits: Annotated[WholeOrNone, default_is("all; 300 with --robustness")] = None
    """Number of test digits, from the first on."""
    n_steps_per_stage: Whole = 200
    """Ticks before the mutation, and ticks after it."""
    seed: Whole = 0
    """The same seed gives the same results."""
    dataset: DatasetOrNone = None
    """Data set of the digits, as in ca train."""
    invert: bool = False
    """The images of --dataset have dark ink on white paper."""
    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""
    colours: Colours = DEFAULT_COLOURS
    """Colours of the classes. distinct and petroff: also for colour-blind eyes. article: the article's."""
    output_dir: Folder = Path("outputs_report")
    """Folder of the JSON files and figures."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        if self.n_digits is not None:
            check_count("n_digits", self.n_digits, least=2)
        check_count("n_steps_per_stage", self.n_steps_per_stage)
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """Measure speed, memory and start-up time of the engine, and the limits of the machine."""

    repeats: Whole = 20
    """Rounds. Each measures the machine's limits, training steps and the protocol in turn."""
    batch_size: Whole = 16
    """Digits a step."""
    ticks: Whole = 20
    """Ticks a step."""
    communication_channels: Whole = Architecture.communication_channels
    """Communication channels of the automaton."""
    hidden: Widths = Architecture.hidden
    """Widths of its layers before the last one."""
    processes: bool = True
    """Also measure memory and start-up time of whole commands."""
    json: bool = False
    """Print JSON instead of a table."""
    output_dir: Folder = Path("outputs_benchmark")
    """Folder of the figures and the JSON file."""
    seed: Whole = 0
    """Seed of the digits and of all random draws."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps ..."""

    def __post_init__(self) -> None:
        for name in ("repeats", "batch_size", "ticks"):
            check_count(name, getattr(self, name))
        check_seed(self.seed)
        check_architecture(lambda: self.architecture)

    @property
    def architecture(self) -> Architecture:
        """The architecture of the automaton that is measured."""
        return Architecture(communication_channels=self.communication_channels, hidden=self.hidden)


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """Train automata with many settings, one on each core. The same command continues a sweep."""

    file: SweepFile = Path("sweep.toml")
    """The settings of the trials, as docs/sweeps.md describes."""
    jobs: Annotated[WholeOrNone, default_is("one for each core")] = None
    """Trials at a time."""
    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""
    output_dir: Folder = Path("outputs_sweep")
    """Folder of the study, the runs, the table and the figure. Machines that share it share the trials."""

    def __post_init__(self) -> None:
        if self.jobs is not None:
            check_count("jobs", self.jobs)


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Draw digits in a browser and watch the cells classify them. Only this machine can open the page."""

    checkpoint: CheckpointOrBundled = None
    """Folder of the checkpoint."""
    port: Whole = 8765
    """Port on 127.0.0.1; 0 takes any free one."""
    browser: bool = True
    """Open the page in the browser."""
    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise UsageError(f"--port must be between 0 and 65535, not {self.port}")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Write an automaton as a page, which a browser opens from disk, or as an ONNX model for other tools."""

    paths: CheckpointAndFile
    """Folder of the checkpoint (default: one that comes with ca) and the file to write.
    FILE is a page, such as page.html, or model.onnx: a tick of the rule, for grids of any size."""
    data_dir: Folder = Path("data")
    """Folder of the data sets other than MNIST."""

    def __post_init__(self) -> None:
        if len(self.paths) not in (1, 2):
            given = " ".join(map(str, self.paths)) or "nothing"
            raise UsageError(f"ca export takes [CHECKPOINT] FILE, not {given}; see ca export --help")

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the checkpoint; None for the one that comes with the package."""
        return self.paths[0] if len(self.paths) == 2 else None

    @property
    def file(self) -> Path:
        """The file to write."""
        return self.paths[-1]


Settings = (
    TrainSettings
    | EvaluateSettings
    | ClassifySettings
    | ReportSettings
    | DemoSettings
    | ExportSettings
    | BenchmarkSettings
    | SweepSettings
)
