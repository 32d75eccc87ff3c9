"""Checks of the exercises, one file per notebook: "not attempted yet", what is wrong and a hint, or
"correct: ...".

Every `check_...(your_function)` prints one verdict, which a function without side effects has
written; where it can, it draws the reader's answer beside the right one. The reader's function is
called by `attempt` alone: on copies, so that it may write into what it is given, and with a verdict
in place of an error. Answers are read by `as_numbers` and
`whole`: any form that means the same will do, and any other gets a verdict, too.
"""

from collections.abc import Iterator

import numpy as np
import torch

from helpers.meters import one_line

NOT_ATTEMPTED = "not attempted yet"
ERROR_WIDTH = 180  # characters of an error that a verdict keeps
MALFORMED = (
    TypeError,
    ValueError,
    OverflowError,
    RuntimeError,
    LookupError,
)  # on the way from an answer to numbers


def attempt(function, *arguments, hint="run it in a cell of its own, to see where.", case=""):
    """What a reader's function makes of copies, and None; or None, and the verdict, where it
    returns None or raises.

    Args: `case`: names what it was called with, such as ", for one box".

    >>> attempt(lambda box: 1 / len(box), [], hint="there may be none.", case=", for no box")
    (None, 'not yet, for no box: it raises ZeroDivisionError: division by zero. Hint: there may be none.')
    """  # noqa: E501
    try:
        answer = function(*map(copied, arguments))
        if isinstance(answer, Iterator):  # a generator raises only when it is asked
            answer = list(answer)
        return answer, NOT_ATTEMPTED if answer is None else None
    except Exception as error:
        said = one_line(f"{type(error).__name__}: {error}", ERROR_WIDTH)
        return None, f"not yet{case}: it raises {said.rstrip('.')}. Hint: {hint}"


def copied(value):
    """A copy down to the last tensor. The copy of a tensor leads its gradient to the original.

    >>> given = [{"boxes": torch.ones(1)}]
    >>> copied(given)[0]["boxes"].zero_(), given
    (tensor([0.]), [{'boxes': tensor([1.])}])
    """
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return value


def as_numbers(answer):
    """An answer as a float64 tensor without a gradient; None if it is no number, and no array of
    them.

    >>> as_numbers([torch.ones(2), (3, 4.5)])
    tensor([[1.0000, 1.0000],
            [3.0000, 4.5000]], dtype=torch.float64)
    >>> as_numbers([[1, 2], [3]]), as_numbers("four")
    (None, None)
    """
    try:
        if isinstance(answer, (list, tuple)) and answer:
            return torch.stack([as_numbers(part) for part in answer])
        if not isinstance(answer, (torch.Tensor, np.ndarray, list, tuple)):
            answer = float(_no_words(answer))
        return torch.as_tensor(answer, dtype=torch.float64).detach()
    except MALFORMED:
        return None


def is_number(answer):
    """Whether an answer is one finite number, a tensor of no dimension included, and no array.

    >>> is_number(0.5), is_number(torch.tensor(0.5)), is_number(float("nan")), is_number([0.5])
    (True, True, False, False)
    """
    numbers = as_numbers(answer)
    return numbers is not None and numbers.ndim == 0 and bool(numbers.isfinite())


def whole(answer):
    """A whole number, in any form, as an int; ValueError, or another of `MALFORMED`, for anything
    else.

    >>> whole(torch.tensor([3.0]))
    3
    >>> whole(2.5)
    Traceback (most recent call last):
    ValueError: 2.5 is no whole number
    """
    if isinstance(answer, torch.Tensor):
        answer = answer.detach()
    number = float(_no_words(answer))
    if not number.is_integer():
        raise ValueError(f"{number} is no whole number")
    return int(number)


def _no_words(answer):
    if isinstance(answer, (str, bytes)):
        raise TypeError("words are no numbers")
    return answer


def is_close(answer, wanted, tolerance=1e-4, relative=1e-4):
    """Whether two numbers, or two tensors of one shape, are equal but for rounding.

    >>> is_close(0.3, torch.tensor([0.1 + 0.2])), is_close(torch.zeros(2), torch.zeros(3))
    (True, False)
    """
    answer, wanted = (torch.as_tensor(value).detach().double() for value in (answer, wanted))
    alike = answer.shape == wanted.shape or answer.numel() == wanted.numel() == 1
    return alike and bool(((answer - wanted).abs() <= tolerance + relative * wanted.abs()).all())


def teaches(value, inputs, wanted):
    """Whether a loss has the right gradient: that of `wanted` at each of the inputs.

    >>> x = torch.ones(2, requires_grad=True)
    >>> teaches((2 * x).sum(), [x], x.sum() * 2), teaches(x.detach().sum(), [x], x.sum())
    (True, False)
    """
    if value.grad_fn is None:
        return False
    found = torch.autograd.grad(value.sum(), inputs, allow_unused=True, retain_graph=True)
    right = torch.autograd.grad(wanted.sum(), inputs, retain_graph=True)
    return all(
        one is not None and is_close(one, other, 1e-5, 1e-3) for one, other in zip(found, right)
    )


def to_use(verdict, function, ours, name):
    """Print the verdict; give back the function that is used further down, and say whose it is.

    Args: the verdict; the reader's function; the one of `helpers` that does the same; and its name.

    >>> to_use("not yet: it is 3. Hint: add them.", min, max, "max")(1, 2)
    not yet: it is 3. Hint: add them.
    Further down, `max` of helpers is used in its place.
    2
    """
    print(verdict)
    if verdict.startswith("correct"):
        print("Further down, your function is used.")
        return function
    print(f"Further down, `{name}` of helpers is used in its place.")
    return ours
