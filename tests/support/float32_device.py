"""A device without float64, as Apple's MPS is, played by the CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

TO_HOST = (Tensor.cpu, Tensor.tolist, Tensor.item)


class OnHost(Tensor):
    """A tensor in the host's memory, where there is float64."""


class Float32Device(TorchFunctionMode):
    """Within its `with` block, tensors are on the device if they were made before it, or with `device`.

    What `cpu()` returns is not. On the device, a result of type float64 is an error.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if not isinstance(found, Tensor):
            return found
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made_on_host = not given and kwargs.get("device") is None
        if func in TO_HOST or made_on_host or any(isinstance(one, OnHost) for one in given):
            return found.as_subclass(OnHost)
        if found.dtype == torch.float64:
            raise TypeError(f"{func.__name__}: the device does not support float64")
        return found
