"""Losses over the output channels of the alive cells.

Each returns a sum and the number to divide it by, because processes that share a batch divide by the total.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ca.settings.choices import LossName

Loss = Callable[[Tensor, Tensor, int], tuple[Tensor, int]]


def l2(outputs: Tensor, labels: Tensor, num_digits: int) -> tuple[Tensor, int]:
    """Half the squared distance to the one-hot labels, summed over cells and classes; a mean over digits.

    Dead cells add nothing: their outputs and targets are zero. (Article, "Experiment 2".)

    Args:
        outputs: (cells, classes) output channels of the alive cells
        labels: (cells,) class of each cell's digit
        num_digits: digits in the batch

    Returns:
        the sum, a scalar, and the number of digits
    """
    one_hot = torch.eye(outputs.shape[1], dtype=outputs.dtype, device=outputs.device)
    return F.mse_loss(outputs, one_hot[labels], reduction="sum") / 2, num_digits


def cross_entropy(outputs: Tensor, labels: Tensor, num_digits: int) -> tuple[Tensor, int]:
    """Cross-entropy of each alive cell's softmax; a mean over cells.

    Arguments as in `l2`. Returns the sum, a scalar, and the number of cells.
    """
    return F.cross_entropy(outputs, labels, reduction="sum"), len(labels)


LOSSES: dict[LossName, Loss] = {"l2": l2, "cross-entropy": cross_entropy}
