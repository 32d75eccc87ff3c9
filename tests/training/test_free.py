"""Guesses without a network: which rule finds a set, and that a run can be taken up where it stood."""

import itertools

import pytest
import torch

from helpers.training.free import FreeGuesses, order_at, start_of
from helpers.widgets.setplay import running_targets


def after(steps, seed=0, **way):
    """What guesses have come to on the running example."""
    guesses, target = FreeGuesses(start_of(seed), **way), running_targets()
    for _ in range(steps):
        guesses.move(target)
    return guesses.look(target)


def test_order_does_not_matter_to_a_set():
    """The optimal match is the same however the targets are listed; by position all depends on it."""
    ways = itertools.product(("optimal", "by position"), (False, True))
    ends = {(rule, shuffle): after(100, rule=rule, shuffle=shuffle).set_loss for rule, shuffle in ways}
    assert ends["optimal", True] == pytest.approx(ends["optimal", False], abs=1e-6)
    assert ends["by position", False] < 0.3 < 3 < ends["by position", True]


def test_argmin_leaves_out_a_target_where_two_want_one_guess():
    frame = after(150, seed=2, rule="argmin")
    assert frame.claims == 4
    assert len({guess for guess, _ in frame.pairs}) == 4
    assert frame.set_loss > 2 > frame.losses["loss"]


def test_one_to_many_gives_every_target_its_k_guesses():
    frame = after(100, rule="one-to-many", k=2)
    assert frame.claims == 10
    assert sorted(target for _, target in frame.pairs) == sorted([*range(5)] * 2)


def test_a_state_goes_on_where_it_stood():
    """Moments and step make the next step the one that an unbroken run makes."""
    target = running_targets()
    guesses = FreeGuesses(start_of(0))
    for _ in range(5):
        guesses.move(target)
    again = FreeGuesses(guesses.parameters.detach().numpy(), [mean.numpy().copy() for mean in guesses.moments], 5)
    for each in (guesses, again):
        each.move(target)
    assert (again.step, again.look(target)) == (6, guesses.look(target))
    assert torch.equal(again.parameters, guesses.parameters)


def test_a_shuffle_is_a_new_order_of_all():
    orders = [order_at(step, 5) for step in range(300)]
    assert all(sorted(order) == list(range(5)) for order in orders)
    assert all(40 < sum(order[0] == target for order in orders) < 90 for target in range(5))
    assert order_at(3, 0) == []
