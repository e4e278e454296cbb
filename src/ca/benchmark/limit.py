"""The limits of a machine: how fast it multiplies and adds, and how fast it reads memory."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ca.architecture import Architecture
from ca.benchmark.wait import wait_for
from ca.engine.kernel.build import library
from ca.engine.kernel.threads import num_threads

TIMES = 12  # in a measurement; the fastest counts
CALL_SECONDS = 4e-3
SHAPES = ((128, 128, 128), (1_000, 180, 80), (512, 512, 512), (2_048, 2_048, 2_048))  # of products
BYTES = 2**28  # more than the caches hold


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the machine can do with all threads.

    Attributes:
        limit_is: what the first number was measured with
        limit_gflop_per_second: in float32
        limit_bfloat16_gflop_per_second: None where the kernel knows no instruction for bfloat16
        memory_gb_per_second: read from memory, in 10^9 bytes
    """

    limit_is: str
    limit_gflop_per_second: float
    limit_bfloat16_gflop_per_second: float | None
    memory_gb_per_second: float


class LimitMeter:
    """Measures the limits when asked, and keeps the highest: other work can only slow a machine down."""

    def __init__(self, device: torch.device, architecture: Architecture) -> None:
        self._device = device
        self._kernel = library(architecture) if device.type == "cpu" else None
        self._memory = torch.ones(BYTES // 4, device=device)
        self._flops, self._bfloat16_flops, self._bytes = 0.0, 0.0, 0.0

    def measure(self) -> None:
        """Take about 50 ms for each limit, with all threads."""
        if self._kernel is not None:
            self._flops = max(self._flops, self._in_registers(self._kernel, bfloat16=False))
            self._bfloat16_flops = max(self._bfloat16_flops, self._in_registers(self._kernel, bfloat16=True))
        else:
            self._flops = max(self._flops, *(self._in_product(*shape) for shape in SHAPES))
        self._bytes = max(self._bytes, BYTES / self._least_seconds(self._memory.sum))

    def limits(self) -> Limits:
        """The highest that were measured."""
        return Limits(
            limit_is="torch.mm" if self._kernel is None else "multiply-adds in registers",
            limit_gflop_per_second=self._flops / 1e9,
            limit_bfloat16_gflop_per_second=self._bfloat16_flops / 1e9 or None,
            memory_gb_per_second=self._bytes / 1e9,
        )

    def _in_registers(self, kernel: ctypes.CDLL, *, bfloat16: bool) -> float:
        """Operations a second of multiply-adds that read no memory."""
        times, operations = 1_000, ctypes.c_int64()

        def multiply_add() -> None:
            kernel.ca_multiply_add(num_threads(), times, bfloat16, operations)

        multiply_add()
        if not operations.value:
            return 0.0
        times = round(times * CALL_SECONDS / self._least_seconds(multiply_add))
        seconds = self._least_seconds(multiply_add)
        return operations.value / seconds

    def _in_product(self, rows: int, inner: int, columns: int) -> float:
        """Operations a second of a product of matrices (rows, inner) and (inner, columns)."""
        left = torch.randn(rows, inner, device=self._device)
        right = torch.randn(inner, columns, device=self._device)
        return 2 * rows * inner * columns / self._least_seconds(lambda: torch.mm(left, right))

    def _least_seconds(self, work: Callable[[], object]) -> float:
        seconds = []
        for _ in range(TIMES):
            wait_for(self._device)
            start = time.perf_counter()
            work()
            wait_for(self._device)
            seconds.append(time.perf_counter() - start)
        return min(seconds)
