"""The evaluation protocol on the whole test set: a JSON file, and a table beside the article's figures."""

import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ca.checkpoint import Checkpoint, load_checkpoint
from ca.device import find_device, seeded
from ca.digits import load_digits
from ca.errors import FailedError, UsageError
from ca.output_folder import prepare_folder
from ca.protocol import measure, metrics_at
from ca.settings import ReportSettings

STAGES = 2
TOLD_TICKS = (20, 50, 100, 200, 400)
ARTICLE_ROWS = [  # article, table of "Experiment 2": its best model, L2 loss with noise
    ["article, top", "95.4% at 65", "88.2% at 190", ""],
    ["article, tick 200", "95.3%", "88.1%", ""],
]


def report(settings: ReportSettings) -> None:
    """Measure a checkpoint, write `outputs_report/NAME.json`, print its path and a table.

    Raises:
        FailedError: checkpoint, data or device is not there, or the file can't be written
        UsageError: more digits than the data set has
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    device = find_device(settings.device)
    folder = prepare_folder(settings.output_dir)
    dataset = settings.dataset or checkpoint.dataset
    digits = load_digits(dataset, "test", settings.data_dir)
    count = len(digits) if settings.n_digits is None else settings.n_digits
    if count > len(digits):
        raise UsageError(f"--n-digits {count} is more than the {len(digits)} digits there are")
    with tqdm(total=count, unit="digit", disable=None) as bar:
        measured = measure(
            checkpoint.automaton.to(device),
            digits[:count].to(device),
            stages=STAGES,
            ticks=settings.n_steps_per_stage,
            generator=seeded(settings.seed, device),
            advance=bar.update,
        )
    found = {
        "checkpoint": checkpoint.path.resolve().name,
        "step": checkpoint.step,
        "dataset": dataset,
        "digits": count,
        "seed": settings.seed,
        "ticks_per_stage": settings.n_steps_per_stage,
        **_figures(measured.curves(), settings.n_steps_per_stage),
    }
    path = folder / _file_name(checkpoint, settings, dataset, count)
    try:
        path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise FailedError(f"can't write {path}: {error.strerror}") from error
    print(path)
    print(_table(found))


def _figures(curves: dict[str, list[float]], ticks_per_stage: int) -> dict[str, Any]:
    """The curves, the top of each metric in the first stage, and its value at the ticks that are told."""
    top = {}
    for name in metrics_at(curves, 1):
        first_stage = curves[name][:ticks_per_stage]
        best = max(first_stage)
        top[name] = {"value": best, "tick": first_stage.index(best) + 1}
    last = len(curves["agreement"])
    told = sorted({tick for tick in TOLD_TICKS if tick <= last} | {ticks_per_stage, last})
    return {"top": top, "at_tick": {str(tick): metrics_at(curves, tick) for tick in told}, "curves": curves}


def _table(found: dict[str, Any]) -> str:
    top = found["top"]
    rows = [["", *(name.replace("_", " ") for name in top)]]
    rows.append(["top before mutation", *(f"{best['value']:.1%} at {best['tick']}" for best in top.values())])
    for tick, figures in found["at_tick"].items():
        rows.append([f"tick {tick}", *(f"{figures[name]:.1%}" for name in top)])
    if found["dataset"] == "mnist":
        rows += ARTICLE_ROWS
    return "\n".join(f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells) for name, *cells in rows)


def _file_name(checkpoint: Checkpoint, settings: ReportSettings, dataset: str, count: int) -> Path:
    """A name that tells the checkpoint, the seed and what was measured."""
    name = f"{checkpoint.path.resolve().name}_seed-{settings.seed}"
    name += f"_{dataset}-{count}_ticks-{STAGES}x{settings.n_steps_per_stage}"
    return Path(name + ".json")
