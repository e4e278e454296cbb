"""Evaluation to look at: a video of digits that classify themselves, mutate, and change their minds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ca.cells import mutate, newborn, outputs
from ca.checkpoint import load_checkpoint
from ca.device import find_device, seeded
from ca.digits import Digits, load_digits
from ca.engine import CellGraph, Chance, rollout
from ca.errors import UsageError
from ca.frame import FrameStyle
from ca.metrics import agreement, cell_accuracy, count_votes, digit_accuracy
from ca.model import CellularAutomaton
from ca.output_folder import prepare_folder
from ca.render import Picture, colour_indices
from ca.settings import EvaluateSettings
from ca.video import write_video

MAX_SIDE = 8192  # pixels along a frame; more is beyond what players of H.264 show


@dataclass
class Show:
    """A rollout to be filmed: `frames` yields a picture a tick, and `results` fills with a line a stage."""

    automaton: CellularAutomaton
    digits: Digits
    style: FrameStyle
    settings: EvaluateSettings
    generator: torch.Generator
    results: list[str] = field(default_factory=list)

    @torch.no_grad()
    def frames(self) -> Iterator[Picture]:
        """The start, then a frame after every tick; the digits mutate where a stage starts."""
        grid, tick = None, 0
        for stage in range(self.settings.n_stages):
            chosen = self._choose()
            liveness, labels = chosen.liveness, chosen.labels.tolist()
            grid = newborn(liveness) if grid is None else mutate(grid, liveness)
            if stage == 0:
                yield self.style.frame(colour_indices(grid), labels, tick)
            graph = CellGraph.of(liveness)
            cells = graph.gather(grid)
            for _ in range(self.settings.n_steps_per_stage):
                cells = rollout(
                    self.automaton, graph, cells, Chance.draw(graph, self.automaton, 1, self.generator)
                )
                grid, tick = graph.scatter(cells, grid), tick + 1
                yield self.style.frame(colour_indices(grid), labels, tick)
            self.results.append(f"stage {stage + 1}, tick {tick}: {_in_words(graph, cells, chosen.labels)}")

    def _choose(self) -> Digits:
        """Random digits of the set, none twice."""
        device = self.digits.labels.device
        order = torch.randperm(len(self.digits), generator=self.generator, device=device)
        return self.digits[order[: self.settings.batch_size]]


def evaluate(settings: EvaluateSettings) -> None:
    """Write a video of a mosaic of test digits; print its path, then the metrics at the end of each stage.

    Raises:
        FailedError: checkpoint, data or device is not there, or the video can't be written
        UsageError: more digits than the data set has, or a frame too large for a video
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    device = find_device(settings.device)
    folder = prepare_folder(settings.output_dir)
    automaton = checkpoint.automaton.to(device)
    automaton.fire_rate = automaton.fire_rate if settings.fire_rate is None else settings.fire_rate
    automaton.noise = automaton.noise if settings.noise is None else settings.noise
    digits = load_digits(settings.dataset or checkpoint.dataset, "test", settings.data_dir).to(device)
    if settings.batch_size > len(digits):
        raise UsageError(
            f"--batch-size {settings.batch_size} is more than the {len(digits)} digits there are"
        )

    height, width = digits.images.shape[1:]
    ticks = settings.n_stages * settings.n_steps_per_stage
    style = FrameStyle(
        num_digits=settings.batch_size,
        digit_size=(height, width),
        zoom=settings.zoom_scale,
        ticks=ticks,
        stage_starts=tuple(range(0, ticks, settings.n_steps_per_stage)),
        slider=settings.slider,
        annotated=settings.annotations,
    )
    if max(style.size) > MAX_SIDE:
        raise UsageError(
            f"frames would be {style.size[1]} x {style.size[0]} pixels, more than {MAX_SIDE}: "
            f"lower --zoom-scale {settings.zoom_scale} or --batch-size {settings.batch_size}"
        )
    show = Show(automaton, digits, style, settings, seeded(settings.seed, device))
    path = folder / _file_name(checkpoint.path, settings)
    write_video(path, tqdm(show.frames(), total=ticks + 1, unit="frame", disable=None), settings.fps)
    print(path)
    print("\n".join(show.results))


def _in_words(graph: CellGraph, cells: Tensor, labels: Tensor) -> str:
    living = slice(graph.num_alive)
    votes = count_votes(outputs(cells[living]), graph.batch[living], len(labels)).cpu()
    labels = labels.cpu()
    return (
        f"cell accuracy {cell_accuracy(votes, labels):.1%}, agreement {agreement(votes):.1%}, "
        f"digit accuracy {digit_accuracy(votes, labels):.1%}"
    )


def _file_name(checkpoint: Path, settings: EvaluateSettings) -> str:
    """A name that tells the checkpoint, the seed and the settings."""
    parts = [
        checkpoint.resolve().name,
        f"seed-{settings.seed}",
        f"digits-{settings.batch_size}",
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
    if settings.annotations:
        parts.append("annotated")
    if not settings.slider:
        parts.append("no-slider")
    return "_".join(parts) + f".{settings.format}"
