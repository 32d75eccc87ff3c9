"""Checks of the exercises, one file per notebook: "not attempted yet", what is wrong and a hint, or "correct: ...".

Every `check_...(your_function)` prints one verdict, which a function without side effects has written; where it can, it
draws the reader's answer beside the right one. A function that raises, and an answer of any other form than the one
that was asked for, get a verdict, too.
"""

import torch

from helpers.meters import one_line

NOT_ATTEMPTED = "not attempted yet"
ERROR_WIDTH = 180  # characters of an error that a verdict keeps
MALFORMED = (TypeError, ValueError, OverflowError, RuntimeError, LookupError)  # on the way from an answer to numbers


def attempt(function, *arguments, hint="run it in a cell of its own, to see where.", case=""):
    """What a reader's function returns, and None; or None, and the verdict, where it returns None or raises.

    Args: `case`: names what it was called with, such as ", for one box".

    >>> attempt(lambda box: 1 / len(box), [], hint="there may be none.", case=", for no box")
    (None, 'not yet, for no box: it raises ZeroDivisionError: division by zero. Hint: there may be none.')
    """
    try:
        answer = function(*arguments)
        return answer, NOT_ATTEMPTED if answer is None else None
    except Exception as error:
        said = one_line(f"{type(error).__name__}: {error}", ERROR_WIDTH)
        return None, f"not yet{case}: it raises {said.rstrip('.')}. Hint: {hint}"


def as_numbers(answer):
    """An answer as a float64 tensor without a gradient; None if it is no number, and no array of them.

    >>> as_numbers([torch.ones(2), (3, 4.5)])
    tensor([[1.0000, 1.0000],
            [3.0000, 4.5000]], dtype=torch.float64)
    >>> as_numbers([[1, 2], [3]]), as_numbers("four")
    (None, None)
    """
    try:
        if isinstance(answer, (list, tuple)) and answer:
            return torch.stack([as_numbers(part) for part in answer])
        return torch.as_tensor(answer, dtype=torch.float64).detach()
    except MALFORMED:
        return None


def is_number(answer):
    """Whether an answer is one finite number, and no array.

    >>> is_number(0.5), is_number(float("nan")), is_number([0.5])
    (True, False, False)
    """
    numbers = None if isinstance(answer, torch.Tensor) else as_numbers(answer)
    return numbers is not None and numbers.ndim == 0 and bool(numbers.isfinite())


def is_close(answer, wanted, tolerance=1e-4, relative=1e-4):
    """Whether two numbers, or two tensors of one shape, are equal but for rounding.

    >>> is_close(0.3, torch.tensor([0.1 + 0.2])), is_close(torch.zeros(2), torch.zeros(3))
    (True, False)
    """
    answer, wanted = (torch.as_tensor(value).detach().double() for value in (answer, wanted))
    alike = answer.shape == wanted.shape or answer.numel() == wanted.numel() == 1
    return alike and bool(((answer - wanted).abs() <= tolerance + relative * wanted.abs()).all())


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
