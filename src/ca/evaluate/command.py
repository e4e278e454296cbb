"""Evaluation to look at: a video of digits that classify themselves, mutate, and change their minds."""

from pathlib import Path

from tqdm import tqdm

from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import Digits, load_digits
from ca.engine.device import configure_threads, resolve_device
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Board, Mosaic
from ca.evaluate.recording import Recording
from ca.evaluate.video import write_video
from ca.evaluate.views import ChannelView, ClassView
from ca.render.pictures import mosaic_shape
from ca.settings.commands import EvaluateSettings
from ca.settings.limits import MAX_SIDE
from ca.system.errors import UsageError
from ca.system.folders import prepare_folder
from ca.system.seeds import seeded


def evaluate(settings: EvaluateSettings) -> None:
    """Write a video of test digits; print its path, then the metrics at the end of each stage.

    Raises:
        FailedError: checkpoint, data or device is not there, or the video can't be written
        UsageError: more digits than there are, or than the board has room for; a frame too large for a video
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    device = resolve_device(settings.device)
    configure_threads(device)
    folder = prepare_folder(settings.output_dir)
    automaton = checkpoint.automaton.to(device)
    automaton.fire_rate = automaton.fire_rate if settings.fire_rate is None else settings.fire_rate
    automaton.noise = automaton.noise if settings.noise is None else settings.noise
    digits = load_digits(settings.dataset or checkpoint.dataset, "test", settings.data_dir).to(device)
    if settings.num_digits > len(digits):
        raise UsageError(
            f"--batch-size {settings.num_digits} is more than the {len(digits)} digits there are"
        )

    view, layout = _view_and_layout(settings, digits)
    ticks = settings.n_stages * settings.n_steps_per_stage
    style = FrameStyle(
        picture_size=layout.size,
        view=view,
        ticks=ticks,
        stage_starts=tuple(range(0, ticks, settings.n_steps_per_stage)),
        slider=settings.slider,
        heading=settings.annotations,
    )
    if max(style.size) > MAX_SIDE:
        number = (
            f"--board-size {settings.board_side}"
            if settings.layout == "board"
            else f"--batch-size {settings.num_digits}"
        )
        raise UsageError(
            f"frames would be {style.size[1]} x {style.size[0]} pixels, more than {MAX_SIDE}: "
            f"lower --zoom-scale {settings.zoom_scale} or {number}"
        )
    recording = Recording(automaton, digits, view, layout, style, settings, seeded(settings.seed, device))
    path = folder / _file_name(checkpoint.path, settings)
    write_video(
        path,
        tqdm(recording.frames(), total=ticks + 1, unit="frame", disable=None),
        settings.fps,
        view.colours,
    )
    print(path)
    print("\n".join(recording.results))


def _view_and_layout(
    settings: EvaluateSettings, digits: Digits
) -> tuple[ClassView | ChannelView, Mosaic | Board]:
    """How cells become colour, and where the digits stand."""
    zoom, number = settings.zoom_scale, settings.num_digits
    height, width = digits.images.shape[1:]
    if settings.view == "channels":
        view = ChannelView(zoom)
    else:
        view = ClassView(zoom, annotated=settings.annotations, shaded=settings.view == "confidence")
    captions = settings.annotations and number > 1
    if settings.layout == "board":
        side = settings.board_side
        return view, Board(
            num_digits=number,
            side=side,
            zoom=zoom,
            size=view.size(side, side),
            captions=captions and settings.view != "channels",  # a digit is in nineteen places there
        )
    columns = 1 if settings.view == "channels" else mosaic_shape(number)[1]
    return view, Mosaic(
        num_digits=number, picture_size=view.size(height, width), columns=columns, captions=captions
    )


def _file_name(checkpoint: Path, settings: EvaluateSettings) -> str:
    """A name that tells the checkpoint, the seed and the settings."""
    parts = [
        checkpoint.resolve().name,
        f"seed-{settings.seed}",
        f"digits-{settings.num_digits}",
        f"ticks-{settings.n_stages}x{settings.n_steps_per_stage}",
        f"zoom-{settings.zoom_scale}",
        f"fps-{settings.fps:g}",
    ]
    if settings.dataset is not None:
        parts.append(settings.dataset)
    if settings.fire_rate is not None:
        parts.append(f"fire-rate-{settings.fire_rate:g}")
    if settings.noise is not None:
        parts.append(f"noise-{settings.noise:g}")
    if settings.view != "classes":
        parts.append(settings.view)
    if settings.layout == "board":
        parts.append(f"board-{settings.board_side}")
    if settings.annotations:
        parts.append("annotated")
    if not settings.slider:
        parts.append("no-slider")
    return "_".join(parts) + f".{settings.format}"
