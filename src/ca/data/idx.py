"""Data sets in IDX files, as MNIST, Fashion-MNIST, KMNIST and EMNIST are published.

The format, by LeCun's page of MNIST: a magic number with type and dimensions, the sizes, the values, all
big-endian.
"""

import gzip
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ca.data.assemble import (
    assembled,
    class_names,
    refuse_too_large,
    refuse_too_many_bytes,
    refuse_unknown,
    with_bright_ink,
)
from ca.data.digits import Digits
from ca.sizes import DIGIT_NAMES
from ca.system.errors import FailedError
from ca.system.reading import check_regular

MAX_FILE_BYTES = 2 * 10**9  # of a data set; EMNIST has 0.6 GB
UBYTE = 0x08  # the type of a file's numbers
CALLED = {"train": ["train"], "test": ["t10k", "test"]}  # in the names of the files of a split


def read_idx_path(path: Path, split: str, *, invert: bool = False) -> Digits | None:
    """Read one split of the IDX files in a folder, or beside a file of images; None if there are none.

    Raises:
        FailedError: there are several sets, a file is missing or damaged, or the set makes no sense
    """
    if path.is_file():
        prefix, found, _ = path.name.partition("train-images")
        if not found:
            raise FailedError(
                f"{path} is no data set: expected a folder of images, an .npz file, or the file of the "
                "training images of an IDX set, such as train-images-idx3-ubyte.gz"
            )
        return _read(path.parent, split, prefix, invert=invert)
    sets = sorted({file.name.partition("train-images")[0] for file in path.glob("*train-images*idx3-ubyte*")})
    if len(sets) > 1:
        one = next(path.glob(f"{sets[0]}train-images*"))
        raise FailedError(f"{path} has several IDX sets: give the path of one, such as {one}")
    return _read(path, split, sets[0], invert=invert) if sets else None


def read_idx_set(folder: Path, split: str, prefix: str) -> Digits | None:
    """Read one split of a set with known names of files; None if they are not all there."""
    whole = all(
        _file(folder, prefix, part, kind) for part in ("train", "test") for kind in ("images", "labels")
    )
    return _read(folder, split, prefix, invert=None) if whole else None


def _read(folder: Path, split: str, prefix: str, *, invert: bool | None) -> Digits:
    """Read one split; with `invert` None as it was published: in its order, with the classes of digits."""
    paths = {}
    for part in ("train", "test"):
        for kind in ("images", "labels"):
            path = _file(folder, prefix, part, kind)
            if path is None:
                expected = _names(prefix, part, kind)[0]
                raise FailedError(f"{folder} has no file of the {part} {kind}, such as {expected}.gz")
            paths[part, kind] = path
    named = _mapping(folder / f"{prefix}mapping.txt")
    labels = {
        part: [named.get(label, str(label)) for label in read_idx(paths[part, "labels"], 1).tolist()]
        for part in ("train", "test")
    }
    found = labels["train"]
    if invert is None:  # the classes are numbers from 0 on, also those that are missing
        found = [str(number) for number in range(max(map(int, [*found, *DIGIT_NAMES])) + 1)]
    names = class_names(found, folder)
    refuse_unknown(labels["test"], names, folder)
    images = read_idx(paths[split, "images"], 3)
    refuse_too_large(*images.shape[1:], paths[split, "images"])
    if len(images) != len(labels[split]):
        raise FailedError(
            f"{paths[split, 'images']} has {len(images)} images and {len(labels[split])} labels"
        )
    if prefix.lower().startswith("emnist"):  # its images are stored column by column
        images = images.transpose(0, 2, 1)
    chosen = list(images) if invert is None else with_bright_ink(list(images), folder, invert=invert)
    return assembled(chosen, labels[split], names, folder, shuffled=invert is not None)


def _file(folder: Path, prefix: str, part: str, kind: str) -> Path | None:
    """The file of the images or labels of a split, compressed or not."""
    paths = [folder / f"{name}{suffix}" for name in _names(prefix, part, kind) for suffix in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)


def _names(prefix: str, part: str, kind: str) -> list[str]:
    dimensions = 3 if kind == "images" else 1
    return [f"{prefix}{called}-{kind}-idx{dimensions}-ubyte" for called in CALLED[part]]


def _mapping(path: Path) -> dict[int, str]:
    """The characters of EMNIST's labels, by a file that comes with them: label, then code points."""
    if not path.is_file():
        return {}
    lines = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    pairs = [words[:2] for words in lines if len(words) > 1 and all(map(str.isdecimal, words[:2]))]
    short = [(int(label), int(code)) for label, code in pairs if len(label + code) < 12]
    return {label: chr(code) for label, code in short if code <= sys.maxunicode}


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of an IDX file as an array.

    Raises:
        FailedError: it is damaged, of another type or dimension, or too large
        OSError: it can't be read
    """
    check_regular(path.stat(), MAX_FILE_BYTES)
    head = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(head)
            if len(start) < head or start[:4] != bytes([0, 0, UBYTE, dimensions]):
                raise FailedError(f"{path} is no IDX file of bytes in {dimensions} dimensions")
            shape = struct.unpack(f">{dimensions}I", start[4:])
            size = int(np.prod([int(side) for side in shape], dtype=object))
            refuse_too_many_bytes(size, path)
            content = file.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FailedError(f"{path} is damaged: {error}") from error
    if len(content) != size:
        has = "more" if len(content) > size else f"{len(content):,}"
        raise FailedError(f"{path} is damaged: it should have {size:,} values, and has {has}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
