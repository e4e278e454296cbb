"""`ca classify`: reads the digits of photographs and scans."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import some_of
from ca.data.image_file import read_image
from ca.engine.device import configure_threads, resolve_device
from ca.evaluate.video import find_ffmpeg
from ca.model import CellularAutomaton
from ca.photo.digits import Found
from ca.photo.film import write_film
from ca.photo.outputs import output_paths
from ca.photo.page import read_page
from ca.photo.picture import write_picture
from ca.photo.verdict import Verdict, verdicts, watch
from ca.settings.commands import ClassifySettings
from ca.sizes import DIGIT_NAMES
from ca.system.errors import FailedError
from ca.system.seeds import seeded
from ca.system.streams import printable
from ca.system.terminal import print_line


def classify(settings: ClassifySettings) -> None:
    """Print a line for each digit of each image. An image that fails does not stop the others.

    Raises:
        UsageError: see `output_paths`
        FailedError: the last image that failed; the others are printed before. Or the checkpoint or device is
            missing, or ffmpeg does not work
    """
    images = settings.images
    pictures = output_paths("--picture", settings.picture, images, (".png", ".jpg", ".jpeg"))
    videos = output_paths("--video", settings.video, images, (".mp4", ".gif"))
    if any(path is not None and path.suffix.lower() == ".mp4" for path in videos):
        find_ffmpeg()  # before anything is computed
    checkpoint = load_checkpoint(settings.checkpoint)
    if checkpoint.config.classes != DIGIT_NAMES:
        read = some_of(checkpoint.config.classes)
        raise FailedError(f"{checkpoint.path} reads {read}: ca classify needs the digits 0 to 9")
    automaton = checkpoint.automaton
    device = resolve_device(settings.device)
    configure_threads(device, automaton.architecture)
    automaton = automaton.to(device)
    failures: list[FailedError] = []
    for path, picture, video in zip(images, pictures, videos, strict=True):
        try:
            lines = _read(automaton, path, picture, video, settings)
        except FailedError as error:
            failures.append(error)
            continue
        if len(images) > 1:
            print(f"# {printable(str(path))}")
        print(*lines, sep="\n", flush=True)
    for error in failures[:-1]:
        print_line(f"ca: {error}")
    if failures:
        raise failures[-1]


def _read(
    automaton: CellularAutomaton,
    path: Path,
    picture: Path | None,
    video: Path | None,
    settings: ClassifySettings,
) -> list[str]:
    """The lines of an image; writes its picture and its video."""
    image = read_image(path)
    try:
        page = read_page(image)
    except FailedError as error:
        raise FailedError(f"{path}: {error}") from error
    votes: list[Tensor] = []

    def grids() -> Iterator[Tensor]:
        generator = seeded(settings.seed, next(automaton.parameters()).device)
        for grid, counts in watch(automaton, page.images, settings.ticks, generator):
            votes.append(counts)
            yield grid

    if video is None:
        for _ in grids():
            pass
    else:
        write_film(video, grids(), automaton.architecture, page.found, settings.ticks)
    found = verdicts(torch.stack(votes).cpu())
    if picture is not None:
        write_picture(picture, image, page.found, found)
    return [_line(digit, verdict) for digit, verdict in zip(page.found, found, strict=True)]


def _line(digit: Found, verdict: Verdict) -> str:
    """What is printed about a digit, as in docs/classify.md."""
    agreed = "never agreed" if verdict.agreed_at is None else f"agreed at tick {verdict.agreed_at}"
    votes = " ".join(f"{index}:{count}" for index, count in enumerate(verdict.votes) if count)
    box = f"{digit.width}x{digit.height}+{digit.left}+{digit.top}"
    return f"{verdict.digit}: {verdict.sureness}, {agreed}, votes {votes}, line {digit.line}, box {box}"
