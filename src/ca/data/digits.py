"""Sets of digits: the bundled MNIST, and other sets of ten classes through torchvision."""

import hashlib
import socket
import zlib
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ca.settings.choices import Dataset
from ca.sizes import NUM_CLASSES
from ca.system.arguments import check_choice
from ca.system.errors import FailedError
from ca.system.reading import check_regular

Split = Literal["train", "test"]

MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
DOWNLOAD_TIMEOUT = 30  # seconds
MAX_FILE_BYTES = 2 * 10**9  # of a data set; EMNIST has 0.6 GB
UNREADABLE = (  # errors of torchvision after a broken connection or with damaged files
    OSError,
    HTTPException,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
)


@dataclass(frozen=True)
class Digits:
    """Images and labels of a set of digits.

    Attributes:
        images: (digits, height, width) uint8 grey values, 255 is full ink
        labels: (digits,) int64 classes 0-9

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
        return Digits(self.images[index], self.labels[index])

    @cached_property
    def liveness(self) -> Tensor:
        """(digits, height, width) float32 grey values in [0, 1], converted once and kept with the digits."""
        return self.images.float() / 255

    def sample(self, number: int, generator: torch.Generator) -> "Digits":
        """Random digits, each at most once."""
        order = torch.randperm(len(self), generator=generator, device=self.labels.device)
        return self[order[:number]]

    def to(self, device: torch.device) -> "Digits":
        """The same digits on a device."""
        return Digits(self.images.to(device), self.labels.to(device))


def digits_sha256(digits: Digits) -> str:
    """The SHA-256 of the sizes, images and labels of a set of digits."""
    digest = hashlib.sha256(f"{tuple(digits.images.shape)}\n".encode())
    for tensor in (digits.images, digits.labels):
        digest.update(tensor.cpu().flatten().numpy())
    return digest.hexdigest()


def load_digits(dataset: Dataset = "mnist", split: Split = "test", data_dir: Path | str = "data") -> Digits:
    """Load the training or test digits of a data set.

    Args:
        dataset: "mnist" (LeCun, Cortes and Burges) comes with the package; torchvision loads "fashion-mnist",
            "kmnist", "qmnist" and "emnist-digits"
        split: "train" or "test"
        data_dir: folder of the other data sets; they are downloaded there if absent

    Raises:
        ValueError: there is no such data set or split
        FailedError: the set is not in the folder and the download fails

    Example:
        >>> import ca
        >>> digits = ca.load_digits("mnist", "test")
        >>> digits.images.shape, digits.labels[:5]
        (torch.Size([10000, 28, 28]), tensor([7, 2, 1, 0, 4]))
    """
    check_choice("dataset", dataset, Dataset)
    check_choice("split", split, Split)
    if dataset == "mnist":
        return _bundled_mnist(split)
    return _from_torchvision(dataset, split, Path(data_dir))


def _bundled_mnist(split: str) -> Digits:
    content = files("ca").joinpath("data", "mnist.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != MNIST_SHA256:
        raise FailedError("the bundled MNIST data is damaged: install the package again")
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    return Digits(torch.from_numpy(images), torch.from_numpy(labels).long())


def _from_torchvision(dataset: Dataset, split: str, data_dir: Path) -> Digits:
    from torchvision import datasets  # takes half a second, and MNIST does not need it

    kind: type[datasets.MNIST] = {
        "fashion-mnist": datasets.FashionMNIST,
        "kmnist": datasets.KMNIST,
        "qmnist": datasets.QMNIST,
        "emnist-digits": datasets.EMNIST,
    }[dataset]
    options: dict[str, Any] = {"split": "digits"} if dataset == "emnist-digits" else {}
    folder = data_dir / kind.__name__ / "raw"
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        for path in folder.glob("*"):
            if not path.is_dir():
                check_regular(path.stat(), MAX_FILE_BYTES)  # torchvision would wait for a pipe
        found = kind(str(data_dir), train=split == "train", download=True, **options)
        return _checked(found.data, found.targets, column_by_column=dataset == "emnist-digits")
    except UNREADABLE as error:
        raise FailedError(
            f"data set '{dataset}' is not complete in {folder} and can't be downloaded "
            f"({type(error).__name__}): put {_expected_files(kind)} there, or name its folder with --data-dir"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)


def _checked(images: Tensor, labels: Tensor, *, column_by_column: bool) -> Digits:
    """Digits of a data set that torchvision has read without checks."""
    labels = labels[:, 0] if labels.ndim == 2 else labels  # QMNIST: classes, then writers
    images = images.transpose(1, 2) if column_by_column else images
    if images.dtype != torch.uint8 or len(images) != len(labels):
        raise ValueError(f"{len(images)} images of {images.dtype} with {len(labels)} labels")
    if not ((labels >= 0) & (labels < NUM_CLASSES)).all():
        raise ValueError(f"labels from {labels.min()} to {labels.max()}")
    return Digits(images.contiguous(), labels.long())


def _expected_files(kind: Any) -> str:
    if kind.__name__ == "EMNIST":
        return "gzip.zip"  # all its splits in one file
    resources = kind.resources
    if isinstance(resources, dict):  # QMNIST
        resources = [entry for entries in resources.values() for entry in entries]
    return ", ".join(Path(url).name for url, _ in resources)
