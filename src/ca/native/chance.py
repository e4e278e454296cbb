"""Chance by the compiled kernel."""

import ctypes

import torch
from torch import Generator, Tensor

from ca.cells import STATE_CHANNELS
from ca.native.library import THREADS, kernel


def draw_chance(
    ticks: int, num_alive: int, fire_rate: float, deviation: float, generator: Generator
) -> tuple[Tensor, Tensor, list[int]]:
    """Which cells fire, (ticks, num_alive) bool, their noise, (fired, 19) float32, and how many fire a tick.

    The numbers are Threefry's (Salmon et al., 2011) under a key that the generator draws, and the same on any
    number of threads.
    """
    words = torch.randint(2**32, (2,), generator=generator).tolist()
    key = (ctypes.c_uint32 * 2)(*words)
    fires = torch.empty(ticks, num_alive, dtype=torch.bool)
    kernel().ca_draw_fires(THREADS, key, fire_rate, fires.numel(), fires.data_ptr())
    counts = fires.sum(1).tolist()
    noise = torch.empty(sum(counts), STATE_CHANNELS)
    kernel().ca_draw_noise(THREADS, key, deviation, noise.numel(), noise.data_ptr())
    return fires, noise, counts
