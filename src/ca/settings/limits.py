"""Limits on the work that a command asks for: what cannot end well is refused before anything is computed.

Nothing heavy is imported here. The estimates of memory are rough, and count the largest parts only.
"""

import math
import os
from contextlib import suppress
from pathlib import Path

from ca.architecture import TAPS, Architecture
from ca.settings.commands import (
    BenchmarkSettings,
    ClassifySettings,
    EvaluateSettings,
    ReportSettings,
    Settings,
    TrainSettings,
)
from ca.settings.flags import flag_of
from ca.sizes import IMAGE_SIDE
from ca.system.errors import UsageError

MAX_SIDE = 8192  # pixels along a frame; players of H.264 show no more
MAX_FRAMES = 100_000  # nearly an hour at 30 frames a second
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
STAGES = 2  # of a report
OF_TRAINING = ("pool_size", "batch_size", "ticks")  # the settings that its memory depends on
TEST_DIGITS = 10_000
MOST_ALIVE = 348  # cells of the largest training digit
MOST_ALIVE_ON_BOARD = 1_600  # of the largest of 30,000 distorted ones

FLOAT_BYTES = 4
CELLS = IMAGE_SIDE**2
TRAINING_BYTES = 1e9  # of a training run of few ticks, with PyTorch and the digits
ROBUSTNESS_BYTES = 150_000  # a digit, on boards with their distortions


def refuse_impossible(settings: Settings) -> None:
    """Raise UsageError for videos that are too long or too large, and for more memory than there is."""
    if isinstance(settings, EvaluateSettings):
        _refuse_impossible_video(settings)
    if isinstance(settings, ClassifySettings) and settings.ticks > MAX_FRAMES:
        raise UsageError(f"--ticks must be at most {MAX_FRAMES}, not {settings.ticks}")
    needed, names = _memory(settings)
    refuse_memory(needed, settings, names)


def available_memory() -> float:
    """Bytes of memory that this process may have: the machine's, or the limit of a container or a shell."""
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    import resource

    limits: list[float] = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    address_space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if address_space != resource.RLIM_INFINITY:
        limits.append(address_space)
    for path in CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # another system, or "max"
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits)


def _refuse_impossible_video(settings: EvaluateSettings) -> None:
    frames = settings.n_stages * settings.n_steps_per_stage + 1
    if frames > MAX_FRAMES:
        raise UsageError(
            f"the video would have {frames:,} frames, more than {MAX_FRAMES:,}: "
            f"lower --n-stages {settings.n_stages} or --n-steps-per-stage {settings.n_steps_per_stage}"
        )
    board = settings.layout == "board"
    cells = settings.board_side if board else int(IMAGE_SIDE * math.sqrt(settings.num_digits))
    refuse_large_frames(cells * settings.zoom_scale, settings)


def refuse_large_frames(side: int, settings: EvaluateSettings) -> None:
    """Raise UsageError if the longer side of a frame, in pixels, is too long for a video."""
    if side > MAX_SIDE:
        board = settings.layout == "board"
        cells = f"--board-size {settings.board_side}" if board else f"--batch-size {settings.num_digits}"
        raise UsageError(
            f"frames would be {side:,} pixels wide or high, the most is {MAX_SIDE}: "
            f"lower --zoom-scale {settings.zoom_scale} or {cells}"
        )


def votes_bytes(classes: int) -> int:
    """Memory that a report takes for each digit and tick."""
    return STAGES * classes * FLOAT_BYTES


def _cell_bytes(architecture: Architecture) -> int:
    """Memory of a cell of the pool."""
    return architecture.channels * FLOAT_BYTES


def _fired_bytes(architecture: Architecture) -> int:
    """Memory that a tick needs, until the backward pass, for each cell that fires.

    The kernel keeps the memory of the largest digits that a batch has had: with the article's architecture
    60 kB a digit after a step, 127 after 60.
    """
    kept = sum(architecture.hidden) + 3 * architecture.state_channels
    return kept * FLOAT_BYTES


def _dense_bytes(architecture: Architecture) -> int:
    """The same for each cell with the dense rule."""
    return 2 * TAPS * architecture.channels * FLOAT_BYTES


def training_bytes(settings: TrainSettings, architecture: Architecture, cells: int, most_alive: int) -> float:
    """Memory of a training run.

    Args:
        cells: on the board of a digit
        most_alive: alive cells of the largest digit
    """
    digit = cells * _cell_bytes(architecture)
    fire_rate = max(settings.fire_rate, default=architecture.fire_rate)
    tape = most_alive * fire_rate * _fired_bytes(architecture)
    batch = settings.batch_size * (4 * digit + max(settings.ticks) * tape)
    return TRAINING_BYTES + 3 * settings.pool_size * digit + batch


def refuse_memory(needed: float, settings: Settings, names: tuple[str, ...]) -> None:
    """Raise UsageError, which names settings to lower, if more memory is needed than there is."""
    available = available_memory()
    if needed > available:
        given = {name: getattr(settings, name) for name in names}
        flags = " or ".join(flag_of(name, value) for name, value in given.items() if value is not None)
        raise UsageError(
            f"this needs about {needed / 1e9:,.0f} GB of memory, there are {available / 1e9:,.0f}: "
            f"lower {flags}"
        )


def _memory(settings: Settings) -> tuple[float, tuple[str, ...]]:
    """Bytes, and the names of the settings that they depend on."""
    match settings:
        case TrainSettings():
            most_alive = MOST_ALIVE if settings.board_side == IMAGE_SIDE else MOST_ALIVE_ON_BOARD
            needed = training_bytes(settings, settings.architecture, settings.board_side**2, most_alive)
            return needed, OF_TRAINING
        case BenchmarkSettings():
            digit = CELLS * _cell_bytes(settings.architecture)
            tape = settings.ticks * CELLS * _dense_bytes(settings.architecture)
            return settings.batch_size * (24 * digit + tape), ("batch_size", "ticks")
        case ReportSettings(robustness=True):
            return (settings.n_digits or 0) * ROBUSTNESS_BYTES, ("n_digits",)
        case ReportSettings():
            digits = settings.n_digits or TEST_DIGITS
            votes = digits * settings.n_steps_per_stage * votes_bytes(Architecture.classes)
            return votes, ("n_digits", "n_steps_per_stage")
        case EvaluateSettings(format="gif"):  # all frames are kept until the end, a byte a pixel
            frames = settings.n_stages * settings.n_steps_per_stage
            board = settings.layout == "board"
            cells = settings.board_side**2 if board else CELLS * settings.num_digits
            pictures = Architecture().state_channels if settings.view == "channels" else 1
            pixels = cells * pictures * settings.zoom_scale**2
            return frames * pixels, ("n_steps_per_stage", "zoom_scale")
    return 0.0, ()
