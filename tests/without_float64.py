"""Torch without float64: stricter than an Apple device, as no tensor may be of that kind, not even on the host."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class WithoutFloat64(TorchDispatchMode):
    """Inside its `with` block torch makes no float64 tensor: TypeError. NumPy, on the host, may."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        if any(isinstance(part, torch.Tensor) and part.dtype == torch.float64 for part in tree_leaves(result)):
            raise TypeError(f"{function}: no float64 on this device")
        return result
