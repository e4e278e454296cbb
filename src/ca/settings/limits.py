"""What a command line would cost, before any of it is done: work that can't end well is refused at once.

Nothing heavy is imported here. The estimates are rough, and of the largest parts only.
"""

import math
import os

from ca.settings.commands import (
    BenchmarkSettings,
    EvaluateSettings,
    ReportSettings,
    Settings,
    TrainSettings,
    flag_of,
)
from ca.system.errors import UsageError

MAX_SIDE = 8192  # pixels along a frame; more is beyond what players of H.264 show
MAX_FRAMES = 100_000  # nearly an hour at 30 frames a second
DIGIT = 28 * 28 * 20 * 4  # bytes of a digit's cells
TAPE = 137 / 2 * 180 * 4  # bytes a tick that the backward pass needs for a digit, of the cells that fire
DENSE_TAPE = 28 * 28 * 360 * 4  # the same for the dense rule
VOTES = 2 * 10 * 4  # bytes a tick of a digit's votes, in two stages
TEST_DIGITS = 10_000


def refuse_impossible(settings: Settings) -> None:
    """Raise UsageError for frames or memory beyond measure."""
    if isinstance(settings, EvaluateSettings):
        _refuse_endless_video(settings)
    needed, flags = _memory(settings)
    if hasattr(os, "sysconf") and needed > (
        there := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    ):
        given = {name: getattr(settings, name) for name in flags}
        asked = " or ".join(flag_of(name, value) for name, value in given.items() if value is not None)
        raise UsageError(
            f"that needs about {needed / 1e9:,.0f} GB of memory, here are {there / 1e9:,.0f}: lower {asked}"
        )


def _refuse_endless_video(settings: EvaluateSettings) -> None:
    frames = settings.n_stages * settings.n_steps_per_stage + 1
    if frames > MAX_FRAMES:
        raise UsageError(
            f"the video would have {frames:,} frames, more than {MAX_FRAMES:,}: "
            f"lower --n-stages {settings.n_stages} or --n-steps-per-stage {settings.n_steps_per_stage}"
        )
    board = settings.layout == "board"
    cells = settings.board_side if board else int(28 * math.sqrt(settings.num_digits))
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


def _memory(settings: Settings) -> tuple[float, tuple[str, ...]]:
    """Bytes, and the settings that they come from."""
    match settings:
        case TrainSettings():
            batch = settings.batch_size * (4 * DIGIT + max(settings.ticks) * TAPE)
            return 3 * settings.pool_size * DIGIT + batch, ("pool_size", "batch_size", "ticks")
        case BenchmarkSettings():
            tape = settings.ticks * DENSE_TAPE
            return settings.batch_size * (24 * DIGIT + tape), ("batch_size", "ticks")
        case ReportSettings():
            digits = settings.n_digits or TEST_DIGITS
            return digits * settings.n_steps_per_stage * VOTES, ("n_digits", "n_steps_per_stage")
        case EvaluateSettings(format="gif"):  # all its frames are kept until the end
            frames = settings.n_stages * settings.n_steps_per_stage
            cells = settings.board_side**2 if settings.layout == "board" else 784 * settings.num_digits
            views = 19 if settings.view == "channels" else 1
            return frames * cells * views * settings.zoom_scale**2, ("n_steps_per_stage", "zoom_scale")
    return 0.0, ()
