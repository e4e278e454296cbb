"""`ca evaluate`: a video of digits that classify themselves and mutate, and the metrics of each stage."""

import math
from collections.abc import Iterator
from dataclasses import replace

from ca.architecture import Architecture
from ca.checkpoint.folder import Checkpoint, load_checkpoint
from ca.checkpoint.names import dataset_part, file_part
from ca.data.digits import Digits
from ca.engine.device import configure_threads, resolve_device
from ca.evaluate.drawing import draw_frame
from ca.evaluate.frame import FrameStyle
from ca.evaluate.layouts import Board, Layout, Mosaic
from ca.evaluate.recording import metrics_line, record
from ca.evaluate.video import find_ffmpeg, write_video
from ca.evaluate.views import ChannelView, ClassView, View
from ca.render.palette import palette_of
from ca.render.pictures import Picture, mosaic_shape
from ca.settings.choices import DEFAULT_COLOURS
from ca.settings.commands import EvaluateSettings
from ca.settings.limits import refuse_large_frames, refuse_memory
from ca.system.errors import UsageError
from ca.system.folders import prepare_folder
from ca.system.progress import Progress
from ca.system.seeds import seeded


def evaluate(settings: EvaluateSettings) -> None:
    """Write a video of test digits; print its path, then the metrics at the end of each stage.

    Raises:
        FailedError: the checkpoint, data or device is missing, ffmpeg does not work, or the video can't be
            written
        UsageError: more digits than the data set has or than the board has room for, or frames too large
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    device = resolve_device(settings.device)
    configure_threads(device, checkpoint.automaton.architecture)
    if settings.format == "mp4":
        find_ffmpeg()  # before the frames are computed
    folder = prepare_folder(settings.output_dir)
    automaton = checkpoint.automaton.to(device)
    automaton.fire_rate = automaton.fire_rate if settings.fire_rate is None else settings.fire_rate
    automaton.noise = automaton.noise if settings.noise is None else settings.noise
    digits = checkpoint.load_test_digits(settings.data_dir, settings.dataset, invert=settings.invert)
    digits = digits.to(device)
    if settings.batch_size is None:
        settings = replace(settings, batch_size=min(settings.num_digits, len(digits)))
    if settings.num_digits > len(digits):
        raise UsageError(f"--batch-size {settings.num_digits} is more than the {len(digits)} test digits")

    if settings.layout == "board" and settings.board_size is None:
        settings = replace(settings, board_size=settings.board_side_for(max(digits.images.shape[1:])))
    view, layout = _view_and_layout(settings, automaton.architecture, digits)
    stages, ticks = settings.n_stages, settings.n_steps_per_stage
    style = FrameStyle(
        picture_size=layout.size,
        view=view,
        ticks=stages * ticks,
        stage_starts=tuple(range(0, stages * ticks, ticks)),
        slider=settings.slider,
        heading=settings.annotations,
    )
    refuse_large_frames(max(style.size), settings)
    if settings.format == "gif":  # images may be larger than MNIST's
        refuse_memory(stages * ticks * math.prod(style.size), settings, ("n_steps_per_stage", "zoom_scale"))
    generator = seeded(settings.seed, device)
    results = []

    def frames() -> Iterator[Picture]:
        moments = record(automaton, digits, layout, stages=stages, ticks=ticks, generator=generator)
        with Progress(stages * ticks + 1, "frame") as progress:
            for moment in moments:
                if moment.tick and moment.tick % ticks == 0:
                    stage = moment.tick // ticks
                    results.append(
                        f"stage {stage}, tick {moment.tick}: {metrics_line(moment, automaton.architecture)}"
                    )
                yield draw_frame(moment, automaton.architecture, view, layout, style, digits.names)
                progress.advance()

    path = folder / _file_name(checkpoint, settings)
    write_video(path, frames(), settings.fps, view.colours)
    print(path, *results, sep="\n")


def _view_and_layout(
    settings: EvaluateSettings, architecture: Architecture, digits: Digits
) -> tuple[View, Layout]:
    zoom, number = settings.zoom_scale, settings.num_digits
    height, width = digits.images.shape[1:]
    if settings.view == "channels":
        view = ChannelView(architecture, zoom, digits.names)
    else:
        palette, shaded = palette_of(settings.colours, architecture.classes), settings.view == "confidence"
        view = ClassView(
            architecture, palette, zoom, annotated=settings.annotations, shaded=shaded, names=digits.names
        )
    captions = settings.annotations and number > 1
    if settings.layout == "board":
        side = settings.board_side
        return view, Board(
            num_digits=number,
            side=side,
            zoom=zoom,
            size=view.size(side, side),
            image_side=max(height, width),
            names=digits.names,
            captions=captions and settings.view != "channels",  # where each digit is drawn nineteen times
        )
    columns = 1 if settings.view == "channels" else mosaic_shape(number)[1]
    return view, Mosaic(
        num_digits=number,
        picture_size=view.size(height, width),
        columns=columns,
        captions=captions,
        names=digits.names,
    )


def _file_name(checkpoint: Checkpoint, settings: EvaluateSettings) -> str:
    """A name with the checkpoint, its hash, the seed and the settings that the video depends on."""
    parts = [
        file_part(checkpoint.path.resolve().name, [checkpoint]),
        f"seed-{settings.seed}",
        f"digits-{settings.num_digits}",
        f"ticks-{settings.n_stages}x{settings.n_steps_per_stage}",
        f"zoom-{settings.zoom_scale}",
        f"fps-{settings.fps:g}",
    ]
    if settings.dataset is not None:
        parts.append(dataset_part(settings.dataset))
    if settings.fire_rate is not None:
        parts.append(f"fire-rate-{settings.fire_rate:g}")
    if settings.noise is not None:
        parts.append(f"noise-{settings.noise:g}")
    if settings.view != "classes":
        parts.append(settings.view)
    if settings.colours != DEFAULT_COLOURS:
        parts.append(f"{settings.colours}-colours")
    if settings.layout == "board":
        parts.append(f"board-{settings.board_side}")
    if settings.annotations:
        parts.append("annotated")
    if not settings.slider:
        parts.append("no-slider")
    return "_".join(parts) + f".{settings.format}"
