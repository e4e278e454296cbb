"""The result of a benchmark, and the JSON that it is stored as."""

from dataclasses import asdict, dataclass

from ca.benchmark.cost import Cost
from ca.benchmark.process import Processes
from ca.benchmark.speed import Speeds


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The machine, and the settings of the benchmark."""

    device: str
    engine: str
    threads: int
    processor: str
    torch: str
    batch_size: int
    ticks: int
    repeats: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a benchmark measured.

    Attributes:
        processes: None if no processes were measured
        by_cells: milliseconds per tick by alive cells
        by_area: milliseconds per tick by the cells of the board
    """

    conditions: Conditions
    speeds: Speeds
    processes: Processes | None
    by_cells: Cost
    by_area: Cost

    def as_json(self) -> dict[str, object]:
        """All values by name; those of each thing that was timed are an object."""
        speeds = asdict(self.speeds)
        speeds |= speeds.pop("limits")
        return {
            **asdict(self.conditions),
            **speeds,
            **(asdict(self.processes) if self.processes else {}),
            "milliseconds_per_tick_by_alive_cells": self.by_cells,
            "milliseconds_per_tick_by_board_area": self.by_area,
        }
