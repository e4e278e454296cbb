"""The table that a report prints: all checkpoints, and on MNIST the article's results."""

from collections.abc import Sequence

from ca.protocol import METRICS
from ca.report import article
from ca.report.result import Result


def report_table(results: Sequence[Result]) -> str:
    """A block of lines for each checkpoint; on MNIST another one for the article's automaton."""
    rows = [["", *(name.replace("_", " ") for name in METRICS)]]
    for result in results:
        tops = [result.top[name] for name in METRICS]
        rows.append([result.checkpoint])
        rows.append(["  top before mutation", *(_with_tick(top.value, top.tick) for top in tops)])
        for tick, values in result.at_tick.items():
            rows.append([f"  tick {tick}", *(f"{values[name]:.1%}" for name in METRICS)])
    if all(result.dataset == "mnist" for result in results):
        rows.append([article.NAME])
        rows.append(
            ["  top before mutation", *(_with_tick(share, tick) for tick, share in article.TOP.values())]
        )
        rows.append(["  tick 200", *(f"{share:.1%}" for _, share in article.AT_200.values())])
    lines = (f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells) for name, *cells in rows)
    return "\n".join(line.rstrip() for line in lines)


def _with_tick(value: float, tick: int) -> str:
    return f"{value:.1%} at {tick}"
