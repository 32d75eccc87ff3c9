"""What a call does beside its result: how large a tensor it needs, what it notes, how it fails."""

import warnings

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LargestTensor(TorchDispatchMode):
    """Watches every tensor that torch makes inside a `with` block; `bytes` is the size of the largest.

    >>> with LargestTensor() as largest:
    ...     _ = torch.zeros(3)[:, None] + torch.zeros(5)
    >>> largest.bytes
    60
    """

    bytes = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        if isinstance(result, torch.Tensor):
            self.bytes = max(self.bytes, result.numel() * result.element_size())
        return result


def outcome(function, *arguments, width=90):
    """What a call gives, as one line: its number, then the warnings it raises; or the error that comes instead.

    Args: function: what is called with `arguments`, and returns a number; width: where long messages are cut.

    >>> outcome(torch.tensor, 0.125), outcome(int, "eight", width=30)
    ('0.125', 'ValueError: invalid ...')
    """
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            said = [f"{float(function(*arguments)):.3f}"]
        except Exception as error:
            said = [f"{type(error).__name__}: {error}"]
    messages = said + [str(note.message) for note in notes]
    return "; ".join(_cut(message.splitlines()[0], width) for message in messages)


def _cut(message, width):
    return message if len(message) <= width else message[: width - 3].rsplit(" ", 1)[0] + " ..."
