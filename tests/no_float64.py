"""A device without float64, such as Apple's, played on the CPU: whatever makes float64 there raises `NoFloat64`.

In `no_float64_anywhere()` that device is all there is, for gradients and optimisers, too. `device()` tells it from the
CPU: it is a context in which `torch.device("meta")` stands for it. `on_device(tensor)` moves there, and every tensor
that a torch function makes there is a `There`, which says so. Numbers are computed as ever.
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")
MOVES = {torch.Tensor.cpu, torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.__float__}
MOVES |= {torch.Tensor.__int__, torch.Tensor.__bool__, torch.Tensor.__index__}

INDEXING = {torch.Tensor.__getitem__, torch.Tensor.__setitem__}  # takes indices from the CPU


class NoFloat64(TypeError):
    """What such a device answers."""


def refuse_float64(value, function):
    if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
        raise NoFloat64(f"{function}: no float64 on this device")


class There(torch.Tensor):
    """A tensor on the device."""

    __torch_function__ = torch._C._disabled_torch_function_impl


class _Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, arguments=(), options=None):
        options = dict(options or {})
        given = [value for value in _leaves((arguments, options)) if isinstance(value, torch.Tensor)]
        there = any(isinstance(value, There) for value in given)
        if function == torch.Tensor.device.__get__:
            return DEVICE if there else function(*arguments)
        if function in (torch.Tensor.is_meta.__get__, torch.Tensor.is_cpu.__get__):
            return function == torch.Tensor.is_cpu.__get__ and not there
        if function is torch.Tensor.to:
            return self._move(*arguments, **options)
        if "device" in options and options["device"] is not None:
            there, options["device"] = torch.device(options["device"]) == DEVICE, "cpu"
        elif function in MOVES:
            there = False
        if there and function not in INDEXING and any(not isinstance(v, There) and v.ndim for v in given):
            raise RuntimeError(f"{function}: tensors on two devices")
        with torch._C.DisableTorchFunctionSubclass():
            result = function(*arguments, **options)
        return self._placed(result, there, function)

    def _move(self, tensor, *arguments, **options):
        there, rest = isinstance(tensor, There), []
        for value in (*arguments, *options.values()):
            if isinstance(value, torch.Tensor):
                there, value = isinstance(value, There), value.dtype
            if isinstance(value, (str, torch.device)):
                there = torch.device(value) == DEVICE
            else:
                rest.append(value)
        # The device must take what comes as it comes: a cast on the way counts as one before.
        with torch._C.DisableTorchFunctionSubclass():
            result = tensor.as_subclass(torch.Tensor)
            result = torch.Tensor.to(result, *rest) if rest else result.clone()
        return self._placed(result, there, torch.Tensor.to)

    def _placed(self, result, there, function):
        def place(value):
            if not isinstance(value, torch.Tensor):
                return value
            if there:
                refuse_float64(value, function)
            return value.as_subclass(There if there else torch.Tensor)

        return tree_map(place, result) if isinstance(result, (torch.Tensor, tuple, list)) else result


def _leaves(value):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return [value]
    return [leaf for part in value for leaf in _leaves(part)]


class _Everywhere(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for value in tree_leaves(result):
            refuse_float64(value, function)
        return result


def no_float64_anywhere():
    """Inside its `with` block torch makes no float64; NumPy, on the host, may."""
    return _Everywhere()


@contextlib.contextmanager
def device():
    """Inside, "meta" is a device without float64."""
    with _Mode():
        yield


def on_device(value):
    """Tensors, or dicts and lists of them, moved to the device."""
    if isinstance(value, dict):
        return {name: on_device(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [on_device(part) for part in value]
    return value.to(DEVICE) if isinstance(value, torch.Tensor) else value
