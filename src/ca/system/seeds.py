"""Generators of random numbers."""

import numpy as np
import torch


def stream(device: torch.device | str, *numbers: int) -> torch.Generator:
    """A generator of random numbers on a device, seeded by a list of numbers."""
    return seeded(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1, device)


def seeded(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of random numbers on a device, seeded by one number."""
    return torch.Generator(device).manual_seed(seed)
