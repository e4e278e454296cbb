"""The table that a report prints: all checkpoints, and the article where it can be compared."""

from collections.abc import Sequence
from typing import Any

from ca.protocol import METRICS
from ca.report import article


def report_table(found: Sequence[dict[str, Any]]) -> str:
    """A block of lines for each checkpoint, from what its JSON file holds; on MNIST also the article's."""
    rows = [["", *(name.replace("_", " ") for name in METRICS)]]
    for one in found:
        rows.append([one["checkpoint"]])
        rows.append(["  top before mutation", *(_with_tick(**one["top"][name]) for name in METRICS)])
        for tick, values in one["at_tick"].items():
            rows.append([f"  tick {tick}", *(f"{values[name]:.1%}" for name in METRICS)])
    if all(one["dataset"] == "mnist" for one in found):
        rows.append([article.NAME])
        rows.append(
            ["  top before mutation", *(_with_tick(share, tick) for tick, share in article.TOP.values())]
        )
        rows.append(["  tick 200", *(f"{share:.1%}" for _, share in article.AT_200.values())])
    lines = (f"{name:<24}" + "".join(f"{cell:>18}" for cell in cells) for name, *cells in rows)
    return "\n".join(line.rstrip() for line in lines)


def _with_tick(value: float, tick: int) -> str:
    return f"{value:.1%} at {tick}"
