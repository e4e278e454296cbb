"""Reading files that are untrusted input: JSON and tensors, without pickle.

Files that are too large are not read. Their SHA-256 must be the one that `config.json` states, and before any
tensor is used, all must have the expected names, types and shapes. Nothing is converted.
"""

import errno
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, deserialize
from safetensors.torch import load
from torch import Tensor

from ca.system.errors import CheckpointError
from ca.system.reading import read_regular

MAX_HEADER_BYTES = 1_000_000  # of a `config.json`, and of the header of a file of tensors


def read_file(path: Path, *, at_most: int) -> bytes:
    """The bytes of a file.

    Raises:
        CheckpointError: it is larger than `at_most` bytes, or no regular file
        OSError: it cannot be read
    """
    try:
        return read_regular(path, at_most=at_most)
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.EINVAL, errno.EISDIR):
            raise CheckpointError(f"{path} is not a checkpoint's: {error.strerror}") from None
        raise


def read_tensors(path: Path, expected: dict[str, Tensor], digest: str | None) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Args:
        expected: tensors of the same names, types and shapes
        digest: the SHA-256 that the file must have, as `config.json` states it

    Raises:
        CheckpointError: the file has another SHA-256, or other tensors, or values that are not finite
        OSError: it cannot be read
    """
    content = read_file(path, at_most=sum(tensor.nbytes for tensor in expected.values()) + MAX_HEADER_BYTES)
    if digest != sha256(content).hexdigest():
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one that config.json states")
    try:
        found = {name: (view["dtype"], tuple(view["shape"])) for name, view in deserialize(content)}
        wanted = {name: _kind(tensor) for name, tensor in expected.items()}
        misfits = [
            f"{name} is {_kind_in_words(found.get(name))}, expected {_kind_in_words(wanted.get(name))}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]
        if misfits:
            raise CheckpointError(f"{path} does not fit: {one_line(misfits)}")
        tensors = load(content)
        check_finite(tensors)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or of another kind: {one_line([str(error)])}") from error
    return tensors


def check_finite(tensors: dict[str, Tensor]) -> None:
    """Raise ValueError if a value is infinite or not a number."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name} has values that are not finite")


def _kind(tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    """Type and shape, written as in the header of a safetensors file."""
    letter = "F" if tensor.is_floating_point() else "I" if tensor.is_signed() else "U"
    return f"{letter}{8 * tensor.itemsize}", tuple(tensor.shape)


def _kind_in_words(kind: tuple[str, tuple[int, ...]] | None) -> str:
    return "absent" if kind is None else f"{kind[0]} {kind[1]}"


def one_line(texts: list[str]) -> str:
    """The first three of some texts, on one line; they may come from an untrusted file."""
    shown = [ascii(text[:100])[1:-1] for text in texts[:3]]
    return "; ".join(shown + ([f"and {len(texts) - 3} more"] if len(texts) > 3 else []))
