"""Boards with digits that are erased in part, side by side, or joined from two; and other people's digits."""

from importlib.util import find_spec
from itertools import chain

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ca.data.box import centred, cropped, size_in_box
from ca.data.digits import Digits


def half_erased(images: Tensor, generator: Generator) -> Tensor:
    """Erase the upper, lower, left or right half of each digit's ink: (digits, height, width) uint8."""
    erased = images.clone()
    for image, half in zip(erased, generator.integers(4, size=len(images)), strict=True):
        turned = image if half < 2 else image.T  # a view
        rows = turned.any(1).nonzero().flatten()
        if len(rows):
            middle = int(rows[0] + rows[-1] + 1) // 2
            turned[slice(None, middle) if half % 2 else slice(middle, None)] = 0
    return erased


def partners(labels: Tensor) -> Tensor:
    """For each digit, the index of the next one of another class: (digits,) -> (digits,).

    Raises:
        ValueError: all digits are of one class
    """
    classes = labels.tolist()
    if len(set(classes)) < 2:
        raise ValueError("all digits are of one class")
    return torch.tensor([_next_of_another_class(classes, digit) for digit in range(len(classes))])


def _next_of_another_class(classes: list[int], digit: int) -> int:
    following = chain(range(digit + 1, len(classes)), range(digit))
    return next(other for other in following if classes[other] != classes[digit])


def side_by_side(digits: Digits, gap: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two digits of different classes on each board, with so many empty columns between their ink.

    Returns:
        boards (digits, height, width) uint8; owners of cells (digits, height, width), 2n for the left digit
        of board n and 2n + 1 for the right one; labels (2 x digits, 1)
    """
    other = partners(digits.labels)
    height, width = digits.images.shape[1:]
    boards = torch.zeros(len(digits), height, 2 * width + gap, dtype=torch.uint8)
    owners = torch.zeros(boards.shape, dtype=torch.int64)
    for number, (left, right) in enumerate(zip(digits.images, digits.images[other], strict=True)):
        left, right = _inked_columns(left), _inked_columns(right)
        start = left.shape[1] + gap
        boards[number, :, : left.shape[1]] = left
        boards[number, :, start : start + right.shape[1]] = right
        owners[number] = 2 * number
        owners[number, :, start:] += 1
    labels = torch.stack([digits.labels, digits.labels[other]], 1)
    return boards, owners, labels.reshape(-1, 1)


def _inked_columns(image: Tensor) -> Tensor:
    """The columns of an image (height, width) from the first to the last with ink."""
    columns = image.any(0).nonzero().flatten()
    return image[:, columns[0] : columns[-1] + 1] if len(columns) else image


def chimeras(digits: Digits) -> tuple[Tensor, Tensor]:
    """The left half of each digit and the right half of one of another class.

    Returns:
        images (digits, height, width) uint8, and the two classes of each (digits, 2)
    """
    other = partners(digits.labels)
    images, middle = digits.images.clone(), digits.images.shape[2] // 2
    images[:, :, middle:] = digits.images[other][:, :, middle:]
    return images, torch.stack([digits.labels, digits.labels[other]], 1)


def scikit_learn_digits(number: int) -> tuple[Tensor, Tensor] | None:
    """Digits of other people: the first of scikit-learn's, 8x8, brought into MNIST's box as MNIST's were.

    Returns:
        images (digits, 28, 28) uint8 and classes (digits, 1); None if scikit-learn is not installed
    """
    if find_spec("sklearn") is None:
        return None
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.rint(data.images[:number] * (255 / 16)).astype(np.uint8)
    return torch.from_numpy(np.stack([in_mnist_box(image) for image in images])), torch.from_numpy(
        data.target[:number].astype(np.int64)
    ).unsqueeze(1)


def in_mnist_box(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale the ink to 20 pixels and put its centre of mass into the middle of 28x28."""
    ink = cropped(image)
    height, width = size_in_box(*ink.shape)
    return centred(np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC)))
