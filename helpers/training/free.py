"""The set loss without a network: guesses whose boxes and class scores are free numbers.

Choose owners, move, choose again: the match names the pairs, one step of Adam moves the numbers,
and the match is made anew. `helpers.widgets.SetPlay` does the same in the page."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from helpers.assignment import argmin, greedy
from helpers.later.matches import repeated
from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.training.pairings import by_index

NUM_GUESSES, NUM_CLASSES = 12, 10
EOS_COEF, LEARNING_RATE = 0.1, 0.05
RULES = {
    "optimal": lambda k: linear_sum_assignment,
    "greedy": lambda k: greedy,
    "argmin": lambda k: argmin,
    "by position": lambda k: by_index,
    "one-to-many": repeated,  # k guesses for each target
}


def start_of(seed):
    """Where guesses may begin: (12, 4 + 11), before the sigmoid and the softmax, three decimals.

    Boxes lie anywhere and are of middling size, class scores are random.

    >>> start_of(0).shape, bool((start_of(0) == start_of(0)).all())
    ((12, 15), True)
    """
    rng = np.random.default_rng(seed)
    centers, sides = rng.normal(0, 1.1, (NUM_GUESSES, 2)), rng.normal(-1.2, 0.4, (NUM_GUESSES, 2))
    scores = rng.normal(0, 1, (NUM_GUESSES, NUM_CLASSES + 1))
    return np.concatenate([centers, sides, scores], 1).round(3)


def order_at(step, count):
    """The order in which `count` targets are listed at a step where labels are shuffled, a list.

    The same in every run, and in the page: drawn from `step` by a small generator of its own.

    >>> order_at(0, 5), order_at(1, 5)
    ([4, 0, 1, 2, 3], [1, 0, 3, 2, 4])
    """
    order, state = list(range(count)), (step + 1) * 2654435761 % 2**32
    state ^= state >> 15
    for last in range(count - 1, 0, -1):
        state = (1664525 * state + 1013904223) % 2**32
        place = state * (last + 1) // 2**32
        order[last], order[place] = order[place], order[last]
    return order


@dataclass
class Frame:
    """What `FreeGuesses.look` sees: the match, its loss, and the loss with the best match."""

    pairs: list  # of (guess, target), targets in their own order
    losses: dict  # "loss_ce", "loss_bbox", "loss_giou" of this match; the last is "loss"
    set_loss: float  # of the optimal match
    claims: int  # guesses that find an object likelier than none


class FreeGuesses:
    """Guesses without a network: `parameters` (N, 4 + K + 1), boxes before the sigmoid, logits.

    Args:
        parameters: an array or rows of numbers; float64 within.
        moments: Adam's two means of the gradient, each like `parameters`; None for a fresh start.
        step: how many steps lie behind.
        rule: one of `RULES`; `k` guesses for each target where it is "one-to-many".
        shuffle: list the targets in another order at every step, `order_at`.

    >>> guesses = FreeGuesses(start_of(0))
    >>> target = {"class_labels": torch.tensor([3]), "boxes": torch.tensor([[0.3, 0.4, 0.2, 0.3]])}
    >>> first = guesses.look(target).set_loss
    >>> for _ in range(20): guesses.move(target)
    >>> guesses.step, guesses.look(target).set_loss < first
    (20, True)
    """

    def __init__(self, parameters, moments=None, step=0, rule="optimal", k=2, shuffle=False):
        self.parameters = torch.tensor(np.asarray(parameters), dtype=torch.float64)
        self.parameters.requires_grad_()
        self.step, self.rule, self.k, self.shuffle = step, rule, k, shuffle
        # DETR's AdamW without its weight decay: free numbers need none.
        self.optimizer = torch.optim.Adam([self.parameters], lr=LEARNING_RATE)
        if moments:
            means = (torch.tensor(np.asarray(mean), dtype=torch.float64) for mean in moments)
            names = ("step", "exp_avg", "exp_avg_sq")
            state = dict(zip(names, (torch.tensor(float(step)), *means)))
            self.optimizer.state[self.parameters] = state

    @property
    def outputs(self):
        """The guesses as a batch of one image: "logits" (1, N, K + 1), "pred_boxes" (1, N, 4)."""
        return {
            "logits": self.parameters[None, :, 4:],
            "pred_boxes": self.parameters[None, :, :4].sigmoid(),
        }

    @property
    def moments(self):
        """Adam's two means, a list of two (N, 4 + K + 1); empty before the first step."""
        state = self.optimizer.state.get(self.parameters, {})
        return [state[name] for name in ("exp_avg", "exp_avg_sq") if name in state]

    def look(self, target):
        """The match and the loss now, a `Frame`. `target`: {"class_labels", "boxes"}."""
        with torch.no_grad():
            losses, total, (guesses, targets), order = self._judge(target)
            best = SetCriterion(HungarianMatcher(), self._num_classes, EOS_COEF)
            set_loss = best.total(best(self.outputs, [target]))
        owned = [order[place] for place in targets.tolist()]
        named = {name: float(losses[name]) for name in ("loss_ce", "loss_bbox", "loss_giou")}
        logits = self.parameters[:, 4:]
        claims = int((logits[:, :-1].amax(1) >= logits[:, -1]).sum())
        pairs = sorted(zip(guesses.tolist(), owned))
        return Frame(pairs, named | {"loss": float(total)}, float(set_loss), claims)

    def move(self, target):
        """One step of Adam down the loss of the present match."""
        total = self._judge(target)[1]
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        self.step += 1

    @property
    def _num_classes(self):
        return self.parameters.shape[1] - 5

    def _judge(self, target):
        """The terms, their weighted sum, the match, and the order of the targets it speaks of."""
        count = len(target["class_labels"])
        order = order_at(self.step, count) if self.shuffle else list(range(count))
        listed = [{name: target[name][order] for name in ("class_labels", "boxes")}]
        outputs = self.outputs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # targets without a guess are there to be looked at
            match = HungarianMatcher(assign=RULES[self.rule](self.k))(outputs, listed)
        criterion = SetCriterion(lambda *_: match, self._num_classes, EOS_COEF)
        losses = criterion(outputs, listed)
        return losses, criterion.total(losses), match[0], order


def settle(target, start=0, steps=300, **options):
    """A whole run from a start: `(guesses, frame)` after 0, 1, ... `steps` steps.

    Args: target: {"class_labels", "boxes"} of one image; start: the seed of `start_of`; options:
    rule, k and shuffle of `FreeGuesses`. The same guesses are given again and again, moved on.
    """
    guesses = FreeGuesses(start_of(start), **options)
    for place in range(steps + 1):
        if place:
            guesses.move(target)
        yield guesses, guesses.look(target)
