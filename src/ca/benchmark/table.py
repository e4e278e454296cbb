"""The table that a benchmark prints."""

from ca.benchmark.result import Result


def benchmark_table(result: Result) -> str:
    """All results, one in a line."""
    conditions, speeds, processes = result.conditions, result.speeds, result.processes
    lines = [
        f"on {conditions.device} with {conditions.threads} threads, torch {conditions.torch}; "
        f"medians of {conditions.repeats} rounds; "
        f"{speeds.product_gflop_per_second:,.0f} GFLOP/s in matrix products",
        f"training, batch {conditions.batch_size}, {conditions.ticks} ticks",
        _row(f"engine: {conditions.engine}", f"{speeds.engine_steps_per_minute:,.0f} steps/min"),
        _row("dense rule, eager PyTorch", f"{speeds.dense_steps_per_minute:,.0f} steps/min"),
        _row("limit of matrix products", f"{speeds.floor_steps_per_minute:,.0f} steps/min"),
        _row("engine : dense rule", f"{speeds.ratio_to_dense:.1f}"),
        _row("share of the limit", f"{speeds.share_of_floor:.0%}"),
        "measuring 10,000 digits over 400 ticks, from a sample",
        _row("engine", f"{speeds.protocol_seconds:.0f} s"),
        _row("limit of matrix products", f"{speeds.protocol_floor_seconds:.0f} s"),
        _row("share of the limit", f"{speeds.protocol_share_of_floor:.0%}"),
    ]
    if processes:
        lines += [
            "peak memory",
            _row("import torch", f"{processes.import_torch_peak_mb:,.0f} MB"),
            _row("training run", f"{processes.training_mb_above_torch:,.0f} MB more"),
            _row("400 digits on a 560x560 board, filmed", f"{processes.board_of_400_digits_peak_mb:,.0f} MB"),
            "start-up",
            _row("ca --help", f"{processes.help_seconds:.2f} s"),
            _row("import torch", f"{processes.import_torch_seconds:.2f} s"),
            _row("ca evaluate, four ticks", f"{processes.evaluate_seconds_above_torch:.2f} s more"),
        ]
    costs = {"alive cells": result.by_cells, "cells of a board with 16 digits": result.by_area}
    for cells, cost in costs.items():
        lines.append(f"time per tick, by {cells}")
        lines += [_row(f"{count:,}", f"{time:.2f} ms") for count, time in cost.items()]
    return "\n".join(lines)


def _row(name: str, value: str) -> str:
    return f"  {name:40}{value:>18}"
