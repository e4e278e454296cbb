"""The evaluation protocol on the whole test set: JSON files, figures, and a table beside the article's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ca.checkpoint.folder import Checkpoint, load_checkpoint
from ca.data.digits import load_digits
from ca.engine.device import configure_threads, resolve_device
from ca.metrics import confusion
from ca.protocol import METRICS, Measurements, measure, metrics_at
from ca.report.confusion import draw_confusion
from ca.report.curves import draw_magnitudes, draw_shares
from ca.report.names import distinct_names, in_file_name
from ca.report.table import report_table
from ca.report.worst import draw_worst
from ca.settings.choices import Dataset
from ca.settings.commands import ReportSettings
from ca.system.errors import FailedError, UsageError
from ca.system.folders import prepare_folder
from ca.system.publish import publish_json
from ca.system.seeds import seeded

STAGES = 2
TOLD_TICKS = (20, 50, 100, 200, 400)


def report(settings: ReportSettings) -> None:
    """Measure checkpoints one by one, write JSON files and figures, print their paths and a table.

    Raises:
        FailedError: a checkpoint, data or device is not there, or a file can't be written
        UsageError: a checkpoint given twice, checkpoints of several data sets, or more digits than there are
    """
    checkpoints = [load_checkpoint(path) for path in settings.checkpoints or (None,)]
    names = distinct_names([checkpoint.path for checkpoint in checkpoints])
    dataset = settings.dataset or _common_dataset(checkpoints)
    device = resolve_device(settings.device)
    configure_threads(device)
    folder = prepare_folder(settings.output_dir)
    digits = load_digits(dataset, "test", settings.data_dir)
    count = len(digits) if settings.n_digits is None else settings.n_digits
    if count > len(digits):
        raise UsageError(f"--n-digits {count} is more than the {len(digits)} digits there are")
    digits, ticks = digits[:count].to(device), settings.n_steps_per_stage
    what = f"seed-{settings.seed}_{dataset}-{count}_ticks-{STAGES}x{ticks}"
    found, paths = {}, []
    try:
        with tqdm(total=count * len(checkpoints), unit="digit", disable=None) as bar:
            for name, checkpoint in zip(names, checkpoints, strict=True):
                bar.set_description(name)
                measured = measure(
                    checkpoint.automaton.to(device),
                    digits,
                    stages=STAGES,
                    ticks=ticks,
                    generator=seeded(settings.seed, device),
                    advance=bar.update,
                )
                found[name] = {
                    "checkpoint": name,
                    "step": checkpoint.step,
                    "dataset": dataset,
                    "digits": count,
                    "seed": settings.seed,
                    "ticks_per_stage": ticks,
                    **_in_figures(measured),
                }
                paths += _write_one(folder / f"{in_file_name(name)}_{what}", found[name], measured)
        others = f"-and-{len(names) - 1}-more" if len(names) > 1 else ""
        paths += _write_all(folder / f"{in_file_name(names[0])}{others}_{what}", found, ticks, dataset)
    except OSError as error:
        raise FailedError(f"can't write into {folder}: {error.strerror}") from error
    print(*paths, sep="\n")
    print(report_table(list(found.values())))


def _common_dataset(checkpoints: Sequence[Checkpoint]) -> Dataset:
    """The data set of all checkpoints: curves over several would not compare the automata."""
    datasets = list(dict.fromkeys(checkpoint.dataset for checkpoint in checkpoints))
    if len(datasets) > 1:
        raise UsageError(f"the checkpoints are of {' and '.join(datasets)}: choose one with --dataset")
    return datasets[0]


def _in_figures(measured: Measurements) -> dict[str, Any]:
    """What goes into the JSON file: tops of the first stage, values at told ticks, last confusion, curves."""
    curves, ticks_per_stage = measured.curves(), measured.votes.shape[1]
    top = {}
    for name in METRICS:
        first_stage = curves[name][:ticks_per_stage]
        best = max(first_stage)
        top[name] = {"value": best, "tick": first_stage.index(best) + 1}
    last = len(curves["agreement"])
    told = sorted({tick for tick in TOLD_TICKS if tick <= last} | {ticks_per_stage, last})
    return {
        "top": top,
        "at_tick": {str(tick): metrics_at(curves, tick) for tick in told},
        "confusion": confusion(measured.votes[-1, -1], measured.labels[-1]).tolist(),
        "curves": curves,
    }


def _write_one(stem: Path, found: dict[str, Any], measured: Measurements) -> list[Path]:
    """What belongs to one checkpoint; returns the paths."""
    endings = (".json", "-confusion.png", "-worst.png")
    paths = figures, matrix, worst = [stem.with_name(stem.name + ending) for ending in endings]
    publish_json(figures, found)
    draw_confusion(
        found["confusion"], found["checkpoint"], tick=len(found["curves"]["agreement"]), path=matrix
    )
    draw_worst(
        measured.votes[0], measured.labels[0], measured.last_cells[0], name=found["checkpoint"], path=worst
    )
    return paths


def _write_all(stem: Path, found: dict[str, dict[str, Any]], ticks: int, dataset: str) -> list[Path]:
    """What all checkpoints share; returns the paths."""
    endings = ("-curves.png", "-magnitudes.png")
    paths = shares, magnitudes = [stem.with_name(stem.name + ending) for ending in endings]
    curves = {name: one["curves"] for name, one in found.items()}
    draw_shares(curves, ticks, with_article=dataset == "mnist", path=shares)
    draw_magnitudes(curves, ticks, path=magnitudes)
    return paths
