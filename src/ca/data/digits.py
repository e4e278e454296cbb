"""A set of digits, or of other images in classes: images, labels and the names of the classes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ca.sizes import DIGIT_NAMES
from ca.system.errors import FailedError


@dataclass(frozen=True)
class Digits:
    """Images and labels of a set of digits, or of other images in classes.

    Attributes:
        images: (digits, height, width) uint8 grey values, 255 is full ink
        labels: (digits,) int64 classes, from 0 on
        names: of the classes, in the order of the labels

    Raises:
        ValueError: images or labels have another type or shape

    Example:
        >>> import ca
        >>> digits = ca.load_digits()[:100]  # a slice, or a tensor of indices
        >>> len(digits), digits.liveness.max()
        (100, tensor(1.))
    """

    images: Tensor
    labels: Tensor
    names: tuple[str, ...] = DIGIT_NAMES

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        kinds = getattr(images, "dtype", None), getattr(labels, "dtype", None)
        if kinds != (torch.uint8, torch.int64) or images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(
                "digits are uint8 images (digits, height, width) and int64 labels (digits,), both tensors: "
                "ca.make_digits makes them from arrays"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Tensor) -> "Digits":
        return Digits(self.images[index], self.labels[index], self.names)

    @cached_property
    def liveness(self) -> Tensor:
        """(digits, height, width) float32 grey values in [0, 1], converted once and kept with the digits."""
        return self.images.float() / 255

    def sample(self, number: int, generator: torch.Generator) -> "Digits":
        """Random digits, each at most once."""
        order = torch.randperm(len(self), generator=generator, device=self.labels.device)
        return self[order[:number]]

    def of_classes(self, names: Sequence[str]) -> "Digits":
        """The same digits with labels in the order of other names, those that an automaton was trained on.

        Raises:
            FailedError: some have a class that is not among the names
        """
        if tuple(names) == self.names:
            return self
        number = {name: index for index, name in enumerate(names)}
        unknown = [
            self.names[label] for label in self.labels.unique().tolist() if self.names[label] not in number
        ]
        if unknown:
            raise FailedError(
                f"the data set has the class {unknown[0]!r}, which the automaton was not trained on; it "
                f"knows {some_of(names)}"
            )
        new = torch.tensor([number.get(name, 0) for name in self.names], device=self.labels.device)
        return Digits(self.images, new[self.labels], tuple(names))

    def to(self, device: torch.device) -> "Digits":
        """The same digits on a device."""
        return Digits(self.images.to(device), self.labels.to(device), self.names)


def digits_sha256(digits: Digits) -> str:
    """The SHA-256 of the sizes, images and labels of a set, and of its names if they are no digits."""
    digest = hashlib.sha256(f"{tuple(digits.images.shape)}\n".encode())
    if digits.names != DIGIT_NAMES:
        digest.update(repr(digits.names).encode())
    for tensor in (digits.images, digits.labels):
        digest.update(tensor.cpu().flatten().numpy())
    return digest.hexdigest()


def some_of(names: Sequence[str], most: int = 5) -> str:
    """The first of some names in a message."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
