"""Every check with its solution in other forms: float64, arrays, lists; writing into what is lent; failing late."""

import functools

import numpy as np
import pytest
import torch
from exercise_runs import Classroom, says_correct, with_exercises

from helpers.checks import copied
from tools.notebooks import number_of

ROOMS = {number_of(path.stem): path for path in with_exercises()}
KEEP_TENSORS = {  # used further down, or given to a data loader, or with a gradient: an array would not do there
    *("slice_detection_states", "to_targets", "class_cost", "giou", "classification_loss", "set_loss", "dice_loss"),
    *("focal_cost", "accumulated_loss", "mend_data_set", "pad_batch"),
}
KEEP_TYPE = {"slice_detection_states"}  # the heads take float32 alone
MUST_NOT_WRITE = {"greedy_match", "match_batch", "pad_batch"}  # the exercises say so

each_room = pytest.mark.parametrize("number", ROOMS)


@functools.cache
def classroom(number):
    return Classroom(ROOMS[number])


def check(room, name, wrap):
    """What the check says of the solution, wrapped."""
    return room.try_answer(name, f"{name} = wrap({name})", wrap=wrap).text


def changed(value, change):
    """A copy of an answer with its floating point tensors changed."""
    if isinstance(value, torch.Tensor):
        return change(value) if value.is_floating_point() else value
    if isinstance(value, (list, tuple)):
        return type(value)(changed(part, change) for part in value)
    if isinstance(value, dict):
        return {name: changed(part, change) for name, part in value.items()}
    return value


@each_room
def test_float64_is_right(number):
    for name in classroom(number).exercises.keys() - KEEP_TYPE:
        said = check(classroom(number), name, lambda f: lambda *args: changed(f(*args), torch.Tensor.double))
        assert says_correct(said), f"{name}: {said}"


@each_room
@pytest.mark.parametrize("form", [lambda value: value.numpy(), lambda value: value.tolist()], ids=["arrays", "lists"])
def test_arrays_and_lists_are_right(number, form):
    for name in classroom(number).exercises.keys() - KEEP_TENSORS:
        said = check(classroom(number), name, lambda f: lambda *args: changed(f(*args), lambda v: form(v.detach())))
        assert says_correct(said), f"{name}: {said}"


@each_room
def test_one_number_may_be_a_tensor_and_a_tuple_a_list(number):
    def other(value):
        if isinstance(value, (int, float, np.number)):
            return torch.tensor(value)
        return list(map(other, value)) if isinstance(value, tuple) else value

    for name in classroom(number).exercises:
        said = check(classroom(number), name, lambda f: lambda *args: other(f(*args)))
        assert says_correct(said), f"{name}: {said}"


def spoil(value):
    """Write zeros into everything that can be written into."""
    if isinstance(value, torch.Tensor) and not value.requires_grad:
        value.zero_()
    elif isinstance(value, np.ndarray):
        value[...] = 0
    elif isinstance(value, (list, tuple)):
        for part in value:
            spoil(part)
    elif isinstance(value, dict):
        for part in value.values():
            spoil(part)


def spoiling(function):
    def answer(*arguments):
        result = copied(function(*arguments))
        if not getattr(result, "requires_grad", False):  # a gradient needs what it was made from
            spoil(arguments)
        return result

    return answer


def numbers_in(names):
    """A copy of all tensors and arrays that a notebook's names hold."""
    found = {}
    for name, value in names.items():
        if isinstance(value, (torch.Tensor, np.ndarray, list, dict)) and not name.startswith("__"):
            found[name] = copied(value)
    return found


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return True


@each_room
def test_an_answer_may_write_into_what_it_is_given(number):
    room = classroom(number)
    before = numbers_in(room.names)
    for name in room.exercises:
        said = check(room, name, spoiling)
        assert says_correct(said) is (name not in MUST_NOT_WRITE), f"{name}: {said}"
        assert same(before, numbers_in(room.names)), f"the check of {name} lends what the notebook needs"


@each_room
@pytest.mark.parametrize("good_calls", [1, 2, 4])
def test_an_answer_that_fails_late_gets_a_sentence(number, good_calls):
    def tiring(function):
        calls = []

        def answer(*arguments):
            calls.append(1)
            if len(calls) > good_calls:
                raise RuntimeError("tired")
            return function(*arguments)

        return answer

    for name in classroom(number).exercises:
        said = check(classroom(number), name, tiring)
        assert says_correct(said) or "tired. Hint: " in said or "not for outputs that want a gradient" in said, said
