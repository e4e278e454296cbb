"""The data sets that are known by name: the bundled MNIST, and others of ten classes through torchvision."""

import hashlib
import socket
import zlib
from http.client import HTTPException
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ca.data.digits import Digits
from ca.data.idx import MAX_FILE_BYTES, read_idx_set
from ca.sizes import NUM_CLASSES
from ca.system.errors import FailedError
from ca.system.reading import check_regular

MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
DOWNLOAD_TIMEOUT = 30  # seconds
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


def bundled_mnist(split: str) -> Digits:
    content = files("ca").joinpath("data", "mnist.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != MNIST_SHA256:
        raise FailedError("the bundled MNIST data is damaged: install the package again")
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
    return Digits(torch.from_numpy(images), torch.from_numpy(labels).long())


def named_set(dataset: str, split: str, data_dir: Path) -> Digits:
    from torchvision import datasets  # takes half a second, and MNIST does not need it

    kind: type[datasets.MNIST] = {
        "fashion-mnist": datasets.FashionMNIST,
        "kmnist": datasets.KMNIST,
        "qmnist": datasets.QMNIST,
        "emnist-digits": datasets.EMNIST,
    }[dataset]
    options: dict[str, Any] = {"split": "digits"} if dataset == "emnist-digits" else {}
    folder = data_dir / kind.__name__ / "raw"
    prefix = "emnist-digits-" if dataset == "emnist-digits" else ""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        for path in folder.glob("*"):
            if not path.is_dir():
                check_regular(path.stat(), MAX_FILE_BYTES)  # torchvision would wait for a pipe
        own = read_idx_set(folder, split, prefix) if dataset != "qmnist" else None
        if own is not None:  # torchvision reads only files with the checksums of those that it downloads
            return own
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
