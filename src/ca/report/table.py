"""The tables that a report prints: all checkpoints, and on MNIST the article's results."""

from collections.abc import Callable, Iterator, Sequence

from ca.protocol import METRICS
from ca.report import article
from ca.report.certainty import MEASURES
from ca.report.result import Result

COVERED = 0.9  # share of the surest digits whose accuracy is shown

Row = list[str]  # a name, then cells


def report_table(results: Sequence[Result]) -> str:
    """Three tables with a block of lines for each checkpoint; the first also has the article's results."""
    ticks = results[0].ticks_per_stage
    rows = [
        ["", *(name.replace("_", " ") for name in METRICS)],
        *_blocks(results, _metrics),
        *(_article() if all(result.dataset == "mnist" for result in results) else ()),
        [""],
        ["agreement", *(f"tick {tick}" for tick in results[0].parts)],
        *_blocks(results, _agreement),
        [""],
        [f"certainty, tick {ticks}", "first agreement", "votes"],
        *_blocks(results, _certainty),
    ]
    lines = (f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells) for name, *cells in rows)
    return "\n".join(line.rstrip() for line in lines)


def _blocks(results: Sequence[Result], rows_of: Callable[[Result], Iterator[Row]]) -> Iterator[Row]:
    for result in results:
        yield [result.checkpoint]
        for name, *cells in rows_of(result):
            yield [f"  {name}", *cells]


def _metrics(result: Result) -> Iterator[Row]:
    yield [
        "top before mutation",
        *(_with_tick(result.top[name].value, result.top[name].tick) for name in METRICS),
    ]
    for tick, values in result.at_tick.items():
        yield [f"tick {tick}", *(f"{values[name]:.1%}" for name in METRICS)]


def _article() -> Iterator[Row]:
    yield [article.NAME]
    yield ["  top before mutation", *(_with_tick(share, tick) for tick, share in article.TOP.values())]
    yield ["  tick 200", *(f"{share:.1%}" for _, share in article.AT_200.values())]


def _with_tick(value: float, tick: int) -> str:
    return f"{value:.1%} at {tick}"


def _agreement(result: Result) -> Iterator[Row]:
    """Agreement of all cells, and of those that can communicate."""
    parts = result.parts
    yield ["all cells", *(f"{result.at_tick[tick]['agreement']:.1%}" for tick in parts)]
    yield ["largest part", *(f"{each.largest_part_agreement:.1%}" for each in parts.values())]
    yield ["each part in itself", *(f"{each.agreement_within_parts:.1%}" for each in parts.values())]
    yield ["digits in parts", *(f"{each.digits_in_parts:,}" for each in parts.values())]
    yield ["all cells of these", *(_share(each.agreement_in_parts) for each in parts.values())]


def _certainty(result: Result) -> Iterator[Row]:
    """How well each measure of certainty tells right digits from wrong ones."""
    measures = [result.certainty[name] for name in MEASURES]
    yield ["area under ROC", *(_share(each.roc_area) for each in measures)]
    yield [f"accuracy, surest {COVERED:.0%}", *(f"{each.accuracy_at(COVERED):.1%}" for each in measures)]
    yield ["calibration error", *(_share(each.calibration_error) for each in measures)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
