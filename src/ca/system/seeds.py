"""Generators of random numbers, from seeds."""

import numpy as np
import torch


def stream(device: torch.device | str, *numbers: int) -> torch.Generator:
    """A generator of random numbers on a device; each list of numbers has its own."""
    return seeded(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1, device)


def seeded(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of random numbers on a device."""
    return torch.Generator(device).manual_seed(seed)
