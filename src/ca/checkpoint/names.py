"""Names of files that are made of checkpoints: they tell checkpoints with the same name apart."""

import hashlib
import os
from collections.abc import Sequence

from ca.checkpoint.folder import Checkpoint

HASH_DIGITS = 8
MAX_BYTES = 100  # of a checkpoint's name; a file name has at most 255


def file_part(name: str, checkpoints: Sequence[Checkpoint]) -> str:
    """A name of checkpoints as the start of a file name, with the SHA-256 of their weights, shortened.

    Of a long name, the start and a hash of the whole are kept.
    """
    digests = [checkpoint.weights_sha256 for checkpoint in checkpoints]
    digest = digests[0] if len(digests) == 1 else _sha256("".join(digests))
    return f"{_shortened(in_file_name(name))}_{digest[:HASH_DIGITS]}"


def in_file_name(name: str) -> str:
    """The name of a checkpoint, which may have slashes, as a part of a file name."""
    return name.replace("/", "-")


def dataset_part(dataset: str) -> str:
    """A data set, which may be a path, as a part of a file name."""
    name = dataset.rstrip("/").rpartition("/")[2].replace("\\", "-")
    return _shortened(name)


def _shortened(name: str) -> str:
    if len(os.fsencode(name)) <= MAX_BYTES:
        return name
    start = name
    while len(os.fsencode(start)) > MAX_BYTES - HASH_DIGITS - 1:
        start = start[:-1]
    return f"{start}-{_sha256(name)[:HASH_DIGITS]}"


def _sha256(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()
