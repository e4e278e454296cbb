"""The C interface of the compiled kernel: the structures that it takes, and its errors as exceptions.

The structures mirror those of `arguments.h`. Every tensor is passed with its type and shape, which the kernel
compares with its own sizes before it reads anything.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_TYPES = {torch.float32: 0, torch.float64: 1, torch.int64: 2, torch.bool: 3}
_ERRORS = {1: ValueError, 2: MemoryError}
_MOST_DIMENSIONS = 3

_number, _pointer = ctypes.c_int64, ctypes.c_void_p
_Shape = _number * _MOST_DIMENSIONS


class TensorArgument(ctypes.Structure):
    """A tensor's address, type and shape; the caller keeps the tensor alive."""

    _fields_ = (
        ("data", _pointer),
        ("type", _number),
        ("dimensions", _number),
        ("shape", _Shape),
    )

    @classmethod
    def of(cls, tensor: Tensor) -> "TensorArgument":
        """Describe a contiguous tensor in the processor's memory.

        Raises:
            ValueError: the kernel has no use for such a tensor
        """
        if not (tensor.is_cpu and tensor.is_contiguous()):
            raise ValueError("the compiled kernel takes contiguous tensors on the CPU")
        code, shape = _TYPES.get(tensor.dtype), tensor.shape
        if code is None or len(shape) > _MOST_DIMENSIONS:
            raise ValueError(
                f"the compiled kernel takes no tensors of {tensor.dtype} with shape {tuple(shape)}"
            )
        return cls(tensor.data_ptr(), code, len(shape), _Shape(*shape))


class ParameterArguments(ctypes.Structure):
    """The parameters of an automaton, or their gradients, in the order of `CellularAutomaton.weights`."""

    _fields_ = (
        ("number", _number),
        ("tensors", ctypes.POINTER(TensorArgument)),
    )

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "ParameterArguments":
        """Describe tensors.

        Raises:
            ValueError: the kernel has no use for one
        """
        described = (TensorArgument * len(tensors))(*map(TensorArgument.of, tensors))
        return cls(len(tensors), described)


class ForwardArguments(ctypes.Structure):
    """All that `ca_forward` reads and writes."""

    _fields_ = (
        ("size", _number),
        ("threads", _number),
        ("keep", _number),
        ("num_alive", _number),
        ("num_digits", _number),
        ("height", _number),
        ("width", _number),
        ("observe", _number),
        ("cells", TensorArgument),
        ("batch", TensorArgument),
        ("y", TensorArgument),
        ("x", TensorArgument),
        ("fires", TensorArgument),
        ("noise", TensorArgument),
        ("parameters", ParameterArguments),
        ("after", TensorArgument),
        ("votes", TensorArgument),
        ("sums", TensorArgument),
    )


class BackwardArguments(ctypes.Structure):
    """All that `ca_backward` reads and writes."""

    _fields_ = (
        ("size", _number),
        ("threads", _number),
        ("grad_after", TensorArgument),
        ("gradients", ParameterArguments),
    )


def load(path: Path) -> ctypes.CDLL:
    """Load a built library; its functions raise what goes wrong in them.

    Raises:
        OSError: it is no library for this machine
    """
    kernel = ctypes.CDLL(str(path))
    kernel.ca_error_text.restype = ctypes.c_char_p
    kernel.ca_new_tape.restype = _pointer
    kernel.ca_free_tape.argtypes = [_pointer]
    kernel.ca_free_tape.restype = None
    kernel.ca_forward.argtypes = [_pointer, ctypes.POINTER(ForwardArguments)]
    kernel.ca_backward.argtypes = [_pointer, ctypes.POINTER(BackwardArguments)]
    kernel.ca_draw_fires.argtypes = [_number, _pointer, ctypes.c_double, _number, _pointer]
    kernel.ca_draw_noise.argtypes = [_number, _pointer, ctypes.c_float, _number, _pointer]
    kernel.ca_multiply_add.argtypes = [_number, _number, _number, ctypes.POINTER(_number)]

    def check(code: Any, function: Any, arguments: Any) -> Any:
        """Raise the exception of a code.

        Raises:
            ValueError: an argument does not fit the kernel
            MemoryError: there is not enough memory
            RuntimeError: anything else
        """
        if code:
            raise _ERRORS.get(code, RuntimeError)(kernel.ca_error_text().decode())

    drawing = (kernel.ca_draw_fires, kernel.ca_draw_noise)
    for function in (kernel.ca_forward, kernel.ca_backward, *drawing, kernel.ca_multiply_add):
        function.restype = ctypes.c_int
        function.errcheck = check
    return kernel
