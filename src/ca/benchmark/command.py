"""How fast this machine trains and measures, what that costs in memory, and what the cost grows with."""

import json
import platform
import sys
from typing import Any

import torch

from ca.benchmark.cost import against_area, against_cells, draw_costs
from ca.benchmark.process import processes
from ca.benchmark.speed import speeds
from ca.engine.device import configure_threads, resolve_device
from ca.engine.kernel.build import THREADS, library
from ca.settings.commands import BenchmarkSettings
from ca.system.errors import FailedError
from ca.system.folders import prepare_folder
from ca.system.publish import publish_json

COSTS = ("milliseconds_per_tick_by_alive_cells", "milliseconds_per_tick_by_board_area")


def benchmark(settings: BenchmarkSettings) -> None:
    """Measure everything, draw what the cost grows with, and print a table, or JSON.

    Raises:
        FailedError: the device is not there, or the folder can't be written to
    """
    device = resolve_device(settings.device)
    configure_threads(device)
    folder = prepare_folder(settings.output_dir)
    compiled = device.type == "cpu" and library() is not None
    found: dict[str, Any] = {
        "device": str(device),
        "engine": "compiled kernel" if compiled else "PyTorch",
        "threads": THREADS,
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "batch_size": settings.batch_size,
        "ticks": settings.ticks,
        "repeats": settings.repeats,
        **speeds(settings, device),
        **(processes(settings) if settings.processes else {}),
    }
    costs = against_cells(settings, device), against_area(settings, device)
    found |= {name: dict(zip(*cost, strict=True)) for name, cost in zip(COSTS, costs, strict=True)}
    print(json.dumps(found, indent=1) if settings.json else _table(found))
    figure = folder / "cost.png"
    try:
        publish_json(folder / "benchmark.json", found)
        draw_costs(*costs, path=figure)
    except OSError as error:
        raise FailedError(f"can't write into {folder}: {error.strerror}") from error
    print(f"wrote {figure}", file=sys.stderr)


def _table(found: dict[str, Any]) -> str:
    lines = [
        f"on {found['device']} with {found['threads']} threads, torch {found['torch']}; "
        f"medians of {found['repeats']} rounds; "
        f"{found['product_gflop_per_second']:,.0f} GFLOP/s in matrix products",
        f"training, batch {found['batch_size']}, {found['ticks']} ticks",
        _row(f"engine: {found['engine']}", f"{found['engine_steps_per_minute']:,.0f} steps/min"),
        _row("dense rule, eager PyTorch", f"{found['dense_steps_per_minute']:,.0f} steps/min"),
        _row("limit of matrix products", f"{found['floor_steps_per_minute']:,.0f} steps/min"),
        _row("engine : dense rule", f"{found['ratio_to_dense']:.1f}"),
        _row("share of the limit", f"{found['share_of_floor']:.0%}"),
        "measuring 10,000 digits over 400 ticks, from a sample",
        _row("engine", f"{found['protocol_seconds']:.0f} s"),
        _row("limit of matrix products", f"{found['protocol_floor_seconds']:.0f} s"),
        _row("share of the limit", f"{found['protocol_share_of_floor']:.0%}"),
    ]
    if "help_seconds" in found:
        lines += [
            "peak memory",
            _row("import torch", f"{found['import_torch_peak_mb']:,.0f} MB"),
            _row("training run", f"{found['training_mb_above_torch']:,.0f} MB more"),
            _row("400 digits on a 560x560 board, filmed", f"{found['board_of_400_digits_peak_mb']:,.0f} MB"),
            "start-up",
            _row("ca --help", f"{found['help_seconds']:.2f} s"),
            _row("import torch", f"{found['import_torch_seconds']:.2f} s"),
            _row("ca evaluate, four ticks", f"{found['evaluate_seconds_above_torch']:.2f} s more"),
        ]
    for words, name in (("alive cells", COSTS[0]), ("cells of a board with 16 digits", COSTS[1])):
        lines.append(f"time per tick, by {words}")
        lines += [_row(f"{count:,}", f"{time:.2f} ms") for count, time in found[name].items()]
    return "\n".join(lines)


def _row(name: str, value: str) -> str:
    return f"  {name:40}{value:>18}"
