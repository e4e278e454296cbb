"""The table that a benchmark prints."""

from ca.benchmark.result import Result


def benchmark_table(result: Result) -> str:
    """All results, one in a line."""
    conditions, speeds, processes = result.conditions, result.speeds, result.processes
    limits, bfloat16 = speeds.limits, speeds.limits.limit_bfloat16_gflop_per_second
    lines = [
        f"on {conditions.device} with {conditions.threads} threads, torch {conditions.torch}; "
        f"medians of {conditions.repeats} rounds",
        "limits of the machine",
        _row(f"float32, {limits.limit_is}", f"{limits.limit_gflop_per_second:,.0f} GFLOP/s"),
        *([_row("bfloat16, the same", f"{bfloat16:,.0f} GFLOP/s")] if bfloat16 else []),
        _row("reading memory", f"{limits.memory_gb_per_second:,.0f} GB/s"),
        f"training, batch {conditions.batch_size}, {conditions.ticks} ticks: "
        f"{speeds.gflop_per_step:.2f} GFLOP a step",
        _columns("", "ms a step", "steps/min", "of the limit"),
        _speed("limit", 60 / speeds.limit_steps_per_minute, 1),
        _speed(f"{conditions.engine} alone", speeds.kernel.seconds, speeds.kernel.share_of_limit),
        _speed("step with Adam", speeds.adam.seconds, speeds.adam.share_of_limit),
        _speed("step with SOAP", speeds.soap.seconds, speeds.soap.share_of_limit),
        _speed("dense rule, eager PyTorch, Adam", speeds.dense.seconds, speeds.dense.share_of_limit),
        _row("step with Adam : dense rule", f"{speeds.ratio_to_dense:.1f}"),
        "measuring 10,000 digits over 400 ticks, from a sample",
        _row("engine", f"{speeds.protocol_seconds:.0f} s"),
        _row("limit", f"{speeds.protocol_limit_seconds:.0f} s"),
        _row("share of the limit", f"{speeds.measuring.share_of_limit:.0%}"),
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


def _speed(name: str, seconds: float, share: float) -> str:
    return _columns(name, f"{seconds * 1e3:.1f}", f"{60 / seconds:,.0f}", f"{share:.0%}")


def _columns(name: str, *values: str) -> str:
    return f"  {name:32}" + "".join(f"{value:>14}" for value in values)


def _row(name: str, value: str) -> str:
    return f"  {name:56}{value:>18}"
