"""Losses over the alive cells' output channels."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.cells import NUM_CLASSES
from ca.settings.choices import LossName


def l2(outputs: Tensor, labels: Tensor, num_digits: int) -> Tensor:
    """Half the squared distance to the one-hot labels, summed over cells and classes, mean over digits.

    Dead cells add nothing: their outputs and targets are zero. (Article, "Experiment 2".)

    Args:
        outputs: (cells, 10) output channels of the alive cells
        labels: (cells,) class of each cell's digit
        num_digits: digits in the batch
    """
    one_hot = torch.eye(NUM_CLASSES, dtype=outputs.dtype, device=outputs.device)
    return F.mse_loss(outputs, one_hot[labels], reduction="sum") / (2 * num_digits)


def cross_entropy(outputs: Tensor, labels: Tensor, num_digits: int) -> Tensor:
    """Cross-entropy of each alive cell's softmax, mean over cells; arguments as in `l2`."""
    return F.cross_entropy(outputs, labels, reduction="sum") / max(1, len(labels))


LOSSES: dict[LossName, Callable[[Tensor, Tensor, int], Tensor]] = {
    "l2": l2,
    "cross-entropy": cross_entropy,
}
