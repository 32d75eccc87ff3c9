"""What a call does beside its result: how large a tensor it needs, what it asks of the host, notes,
how it fails.
"""

import warnings

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LargestTensor(TorchDispatchMode):
    """Watches every tensor that torch makes inside a `with` block; `bytes` is the size of the
    largest.

    >>> with LargestTensor() as largest:
    ...     _ = torch.zeros(3)[:, None] + torch.zeros(5)
    >>> largest.bytes
    60
    """

    bytes = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.numel() * tensor.element_size())
        return result


class HostReads(TorchFunctionMode):
    """Counts, inside a `with` block, what Python asks of torch's tensors: what a GPU would have to
    send to the host.

    `copies` of whole tensors (`cpu`, `tolist`), the `numbers` in them, and `values` read one at a
    time (`item`, `int`, `float`, an `if`). On a CPU nothing moves; the calls are the same.

    >>> with HostReads() as host:
    ...     _ = torch.zeros(2, 3).cpu(), int(torch.tensor(4)), bool(torch.zeros(5).all())
    >>> host.copies, host.numbers, host.values
    (1, 6, 2)
    """

    copies = numbers = values = 0

    def __torch_function__(self, function, types, arguments=(), options=None):
        name = getattr(function, "__name__", "")
        if name in ("cpu", "tolist"):
            self.copies += 1
            self.numbers += arguments[0].numel()
        self.values += name in ("item", "__bool__", "__int__", "__float__")
        return function(*arguments, **(options or {}))


def outcome(function, *arguments, width=110, **options):
    """What a call gives, as one line: its number or sentence, then its warnings; or the error that
    comes instead.

    Args: function: what is called with `arguments` and `options`; a result that is neither a number
    nor a string is called "no error". width: where long messages are cut.

    >>> outcome(torch.tensor, 0.125), outcome(sorted, [2, 1]), outcome(int, "eight", width=30)
    ('0.125', 'no error', 'ValueError: invalid ...')
    """
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            said = [_in_words(function(*arguments, **options))]
        except Exception as error:
            said = [f"{type(error).__name__}: {error}"]
    messages = said + [str(note.message) for note in notes]
    return "; ".join(one_line(message, width) for message in messages)


def _in_words(result):
    if isinstance(result, str):
        return result
    try:
        return f"{float(result):.3f}"
    except (TypeError, ValueError):
        return "no error"


def one_line(message, width):
    """A message without its line breaks, cut between words where it is longer than `width`.

    >>> one_line("expected one of\\n  cpu, cuda", 22)
    'expected one of ...'
    """
    message = " ".join(message.split())
    return message if len(message) <= width else message[: width - 3].rsplit(" ", 1)[0] + " ..."
