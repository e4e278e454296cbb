"""`ca report`: the evaluation protocol on the test set, as JSON files, figures and a table."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ca.checkpoint.folder import Checkpoint, load_checkpoint
from ca.data.digits import load_digits
from ca.engine.device import configure_threads, resolve_device
from ca.protocol import Measurements, measure
from ca.render.palette import Palette, palette_of
from ca.report.confusion import draw_confusion
from ca.report.curves import draw_magnitudes, draw_shares
from ca.report.names import distinct_names, in_file_name
from ca.report.result import Result, result_of
from ca.report.table import report_table
from ca.report.worst import draw_worst
from ca.settings.choices import Dataset
from ca.settings.commands import ReportSettings
from ca.system.errors import UsageError
from ca.system.folders import prepare_folder, writing
from ca.system.progress import Progress
from ca.system.publish import publish_json
from ca.system.seeds import seeded

STAGES = 2


def report(settings: ReportSettings) -> None:
    """Measure checkpoints one by one, write JSON files and figures, print their paths and a table.

    Raises:
        FailedError: a checkpoint, data or device is missing, or a file can't be written
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
    conditions = f"seed-{settings.seed}_{dataset}-{count}_ticks-{STAGES}x{ticks}"
    palette = palette_of(settings.colours)
    results, paths = [], []
    with writing(folder, into=True):
        with Progress(count * len(checkpoints), "digit") as progress:
            for name, checkpoint in zip(names, checkpoints, strict=True):
                progress.label(name)
                measured = measure(
                    checkpoint.automaton.to(device),
                    digits,
                    stages=STAGES,
                    ticks=ticks,
                    generator=seeded(settings.seed, device),
                    advance=progress.advance,
                )
                result = result_of(
                    measured, checkpoint=name, step=checkpoint.step, dataset=dataset, seed=settings.seed
                )
                stem = folder / f"{in_file_name(name)}_{conditions}"
                paths += _write_one(stem, result, measured, palette)
                results.append(result)
        others = f"-and-{len(names) - 1}-more" if len(names) > 1 else ""
        paths += _write_all(folder / f"{in_file_name(names[0])}{others}_{conditions}", results)
    print(*paths, sep="\n")
    print(report_table(results))


def _common_dataset(checkpoints: Sequence[Checkpoint]) -> Dataset:
    """The data set of all checkpoints; results on different ones can't be compared."""
    datasets = list(dict.fromkeys(checkpoint.dataset for checkpoint in checkpoints))
    if len(datasets) > 1:
        raise UsageError(f"the checkpoints are of {' and '.join(datasets)}: choose one with --dataset")
    return datasets[0]


def _write_one(stem: Path, result: Result, measured: Measurements, palette: Palette) -> list[Path]:
    """Write the files of one checkpoint; return their paths."""
    endings = (".json", "-confusion.png", "-worst.png")
    paths = record, matrix, worst = [stem.with_name(stem.name + ending) for ending in endings]
    publish_json(record, asdict(result))
    last = measured.votes.shape[0] * measured.votes.shape[1]
    draw_confusion(result.confusion, result.checkpoint, tick=last, path=matrix)
    draw_worst(
        measured.votes[0],
        measured.labels[0],
        measured.last_cells[0],
        palette,
        name=result.checkpoint,
        path=worst,
    )
    return paths


def _write_all(stem: Path, results: Sequence[Result]) -> list[Path]:
    """Write the files on all checkpoints together; return their paths."""
    endings = ("-curves.png", "-magnitudes.png")
    paths = shares, magnitudes = [stem.with_name(stem.name + ending) for ending in endings]
    curves = {result.checkpoint: result.curves for result in results}
    ticks = results[0].ticks_per_stage
    draw_shares(curves, ticks, with_article=results[0].dataset == "mnist", path=shares)
    draw_magnitudes(curves, ticks, path=magnitudes)
    return paths
