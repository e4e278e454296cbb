"""`ca report`: the evaluation protocol on the test set, as JSON files, figures and a table."""

from collections.abc import Sequence
from dataclasses import asdict

from ca.checkpoint.folder import Checkpoint, load_checkpoint
from ca.checkpoint.names import dataset_part, file_part
from ca.data.load import load_digits
from ca.engine.device import configure_threads, resolve_device
from ca.protocol import measure
from ca.render.palette import palette_of
from ca.report.figures import Figures
from ca.report.names import distinct_names
from ca.report.result import diverging_tick, result_of
from ca.report.robustness.command import report_robustness
from ca.report.table import report_table
from ca.settings.commands import ReportSettings
from ca.settings.limits import refuse_memory, votes_bytes
from ca.system.errors import UsageError
from ca.system.folders import prepare_folder, writing
from ca.system.progress import Progress
from ca.system.publish import publish_json
from ca.system.seeds import seeded
from ca.system.terminal import print_line

STAGES = 2
ROBUSTNESS_DIGITS = 300


def report(settings: ReportSettings) -> None:
    """Measure checkpoints one by one, write JSON files and figures, print their paths and a table.

    A figure that can't be drawn does not stop the others; the error is raised when all else is done.

    Raises:
        FailedError: a checkpoint, data or device is missing, or a file can't be written or drawn
        UsageError: a checkpoint given twice, checkpoints of several data sets, or more digits than there are
    """
    checkpoints = [load_checkpoint(path) for path in settings.checkpoints or (None,)]
    names = distinct_names([checkpoint.path for checkpoint in checkpoints])
    dataset = settings.dataset or _common_dataset(checkpoints)
    device = resolve_device(settings.device)
    folder = prepare_folder(settings.output_dir)
    invert = checkpoints[0].config.training.invert if settings.dataset is None else settings.invert
    digits = load_digits(dataset, "test", settings.data_dir, invert=invert)
    digits = digits.of_classes(_common_classes(checkpoints))
    usual = min(ROBUSTNESS_DIGITS, len(digits)) if settings.robustness else len(digits)
    count = usual if settings.n_digits is None else settings.n_digits
    if count > len(digits):
        raise UsageError(f"--n-digits {count} is more than the {len(digits)} digits there are")
    digits, ticks = digits[:count].to(device), settings.n_steps_per_stage
    votes = count * ticks * votes_bytes(len(digits.names))
    refuse_memory(votes, settings, ("n_digits", "n_steps_per_stage"))
    for each in checkpoints:
        configure_threads(device, each.automaton.architecture)
    automata = {name: each.automaton.to(device) for name, each in zip(names, checkpoints, strict=True)}
    others = f"-and-{len(names) - 1}-more" if len(names) > 1 else ""
    first = file_part(names[0] + others, checkpoints)
    measured_on = f"seed-{settings.seed}_{dataset_part(dataset)}-{count}"
    if settings.robustness:
        return report_robustness(
            automata,
            digits,
            dataset,
            ticks=ticks,
            seed=settings.seed,
            device=device,
            stem=folder
            / f"{first}_seed-{settings.seed}_{dataset_part(dataset)}-{count}_ticks-{ticks}_robustness",
        )
    conditions = f"{measured_on}_ticks-{STAGES}x{ticks}"
    figures = Figures(folder, palette_of(settings.colours, len(digits.names)), digits.names)
    results, paths = [], []
    with writing(folder, into=True):
        with Progress(count * len(checkpoints), "digit") as progress:
            for name, checkpoint in zip(names, checkpoints, strict=True):
                progress.label(name)
                measured = measure(
                    automata[name],
                    digits,
                    stages=STAGES,
                    ticks=ticks,
                    generator=seeded(settings.seed, device),
                    advance=progress.advance,
                )
                result = result_of(
                    measured,
                    checkpoint=name,
                    step=checkpoint.step,
                    dataset=dataset,
                    classes=digits.names,
                    seed=settings.seed,
                )
                stem = folder / f"{file_part(name, [checkpoint])}_{conditions}"
                tick = diverging_tick(result)
                if tick is not None:
                    print_line(
                        f"ca: the states of {name} diverge: they are infinite from tick {tick} on, "
                        "where its curves end"
                    )
                record = stem.with_name(stem.name + ".json")
                publish_json(record, asdict(result))
                paths += [record, *figures.of_one(stem, result, measured)]
                results.append(result)
        paths += figures.of_all(folder / f"{first}_{conditions}", results)
    print(*paths, report_table(results), sep="\n")
    figures.raise_failures()


def _common_classes(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """The classes of all checkpoints; those of others can't be measured on the same digits."""
    for checkpoint in checkpoints[1:]:
        if checkpoint.config.classes != checkpoints[0].config.classes:
            raise UsageError(
                f"{checkpoint.path} has other classes than {checkpoints[0].path}: report them one by one"
            )
    return checkpoints[0].config.classes


def _common_dataset(checkpoints: Sequence[Checkpoint]) -> str:
    """The data set of all checkpoints; results on different ones can't be compared."""
    datasets = list(dict.fromkeys(checkpoint.dataset for checkpoint in checkpoints))
    if len(datasets) > 1:
        raise UsageError(f"the checkpoints are of {' and '.join(datasets)}: choose one with --dataset")
    return datasets[0]
