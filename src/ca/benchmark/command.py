"""`ca benchmark`: the speed of training and measuring, memory, start-up, and what the cost depends on."""

import json
import platform
from functools import partial

import torch

from ca.benchmark import cost, process
from ca.benchmark.result import Conditions, Result
from ca.benchmark.speed import measure_speeds
from ca.benchmark.table import benchmark_table
from ca.engine.device import configure_threads, resolve_device
from ca.engine.kernel.threads import num_threads
from ca.engine.native_backend import available
from ca.render.attempt import drawing
from ca.settings.commands import BenchmarkSettings
from ca.system.folders import prepare_folder, writing
from ca.system.progress import Progress
from ca.system.publish import publish_json
from ca.system.terminal import print_line

# Seconds on two cores, for the time left: of a round, of one point of the figure, of one process.
ROUND, POINT, PROCESS = 2.6, 0.4, 2.4


def benchmark(settings: BenchmarkSettings) -> None:
    """Measure everything, write the results and two figures, and print a table or JSON.

    Raises:
        FailedError: the device is missing, the folder can't be written, or a figure can't be drawn
    """
    device = resolve_device(settings.device)
    configure_threads(device, settings.architecture)
    folder = prepare_folder(settings.output_dir)
    result = _measure(settings, device)
    print(json.dumps(result.as_json(), indent=1) if settings.json else benchmark_table(result))
    cost_figure, roofline = folder / "cost.png", folder / "roofline.png"
    with writing(folder, into=True):
        publish_json(folder / "benchmark.json", result.as_json())
        with drawing(cost_figure):
            from ca.benchmark.figure import draw_costs, draw_roofline

            draw_costs(result.by_cells, result.by_area, path=cost_figure)
        with drawing(roofline):
            draw_roofline(result.speeds, path=roofline)
    print_line(f"wrote {cost_figure} and {roofline}")


def _measure(settings: BenchmarkSettings, device: torch.device) -> Result:
    compiled = device.type == "cpu" and available(settings.architecture)
    conditions = Conditions(
        device=str(device),
        engine="compiled kernel" if compiled else "PyTorch",
        threads=num_threads(),
        processor=platform.processor() or platform.machine(),
        torch=torch.__version__,
        batch_size=settings.batch_size,
        ticks=settings.ticks,
        repeats=settings.repeats,
    )
    points = len(cost.DIGITS) + len(cost.SIDES)
    total = (settings.repeats + 1) * ROUND + points * POINT + settings.processes * process.RUNS * PROCESS
    with Progress(total) as progress:
        progress.label("speed")
        speeds = measure_speeds(settings, device, partial(progress.advance, ROUND))
        processes = None
        if settings.processes:
            progress.label("memory and start-up")
            processes = process.measure_processes(settings, partial(progress.advance, PROCESS))
        progress.label("cost")
        point = partial(progress.advance, POINT)
        return Result(
            conditions=conditions,
            speeds=speeds,
            processes=processes,
            by_cells=cost.against_cells(settings, device, point),
            by_area=cost.against_area(settings, device, point),
        )
