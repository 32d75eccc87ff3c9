"""How detectors after DETR give one target several guesses: groups, repeated targets, optimal
transport.

Each is a solver for `HungarianMatcher(assign=...)`: a cost matrix (N, T) of one image gives
(prediction_index, target_index), where a target may now appear several times, and a prediction
still once at most."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp

from helpers.contract import check_number, shown


@dataclass(frozen=True)
class Groups:
    """What `in_groups` returns."""

    count: int

    def room(self, num_predictions):
        return num_predictions // self.count

    def __call__(self, cost):
        if len(cost) % self.count:
            raise ValueError(
                f"{len(cost)} predictions do not split into {self.count} groups of equal size."
            )
        size = len(cost) // self.count
        matches = [linear_sum_assignment(group) for group in np.split(np.asarray(cost), self.count)]
        return tuple(
            np.concatenate(parts)
            for parts in zip(
                *((place * size + guess, target) for place, (guess, target) in enumerate(matches))
            )
        )


def in_groups(count):
    """Split the predictions into `count` groups of equal size and match each group with all
    targets. Of an image with more targets than a group has predictions the dearest get none, with a
    warning of the matcher.

    Source: Group DETR (Chen et al. 2022); `LwDetrHungarianMatcher(...)(outputs, targets,
    group_detr=count)`. The loss of such a match is that of `helpers.later.losses.GroupCriterion`.

    >>> in_groups(2)(np.array([[1.0], [2.0], [4.0], [3.0]]))
    (array([0, 3]), array([0, 0]))
    """
    return Groups(_at_least_one("count", count))


@dataclass(frozen=True)
class Repeated:
    """What `repeated` returns."""

    times: int

    def room(self, num_predictions):
        return num_predictions // self.times

    def __call__(self, cost):
        prediction_index, copy = linear_sum_assignment(np.tile(cost, self.times))
        return prediction_index, copy % max(np.shape(cost)[1], 1)


def repeated(times):
    """List every target `times` times and match one to one: each gets `times` predictions, as long
    as there are some.

    Source: the one-to-many branch of H-DETR (Jia et al. 2022).

    >>> repeated(2)(np.array([[1.0], [2.0], [4.0]]))
    (array([0, 1]), array([0, 0]))
    """
    return Repeated(_at_least_one("times", times))


def transport_plan(cost, supply=1, epsilon=0.1, steps=50):
    """Share out labels by entropic optimal transport: how much of each prediction goes to each
    target, (N, T + 1).

    Args:
        cost: (N, T), relative to that of no object, which is the last column of the plan, and costs
            0.
        supply: how many predictions each target wants, one number or (T,); no object supplies what
            is left of N.
        epsilon: how soft the plan is: it minimises the transported cost minus epsilon times the
            entropy.
        steps: how often rows and columns are brought to their sums in turn; the columns come last,
            and are exact.

    Every row sums to 1, up to what `steps` leaves. ValueError where targets want more than N
    predictions in all.

    Source: Sinkhorn's algorithm (Cuturi 2013), as OTA (Ge et al. 2021) uses it; in logarithms, so
    that a small epsilon does not overflow.

    >>> transport_plan([[0.0], [1.0]], epsilon=1.0).round(2)
    array([[0.62, 0.38],
           [0.38, 0.62]])
    """
    cost = np.asarray(cost, dtype=np.float64)
    num_predictions, num_targets = cost.shape
    wanted = np.asarray(supply, dtype=np.float64)
    if wanted.shape not in ((), (1,), (num_targets,)):
        raise ValueError(
            f"supply is {shown(supply)} for {num_targets} targets; give one number, or one for "
            "each."
        )
    wanted = np.broadcast_to(wanted, num_targets)
    left = num_predictions - wanted.sum()
    if left < 0:
        raise ValueError(
            f"targets want {wanted.sum():g} predictions, but there are {num_predictions}."
        )
    with np.errstate(divide="ignore"):  # the logarithm of a supply of 0
        log_supply = np.log(np.append(wanted, left))
    kernel = -np.pad(cost, ((0, 0), (0, 1))) / epsilon
    column = np.zeros(num_targets + 1)
    for _ in range(steps):
        row = -logsumexp(
            kernel + column, axis=1, keepdims=True
        )  # every prediction is given away once
        column = log_supply - logsumexp(kernel + row, axis=0)
    return np.exp(kernel + row + column)


@dataclass(frozen=True, eq=False)
class Transport:
    """What `by_transport` returns."""

    supply: object
    epsilon: float
    steps: int

    def __call__(self, cost):
        owner = transport_plan(cost, self.supply, self.epsilon, self.steps).argmax(1)
        matched = np.flatnonzero(owner < np.shape(cost)[1])
        return matched, owner[matched]


def by_transport(supply=1, epsilon=0.1, steps=50):
    """Give each prediction to where most of it goes in `transport_plan`, whose arguments it takes.

    A supply (T,) serves images with T targets only.

    >>> by_transport(supply=2)(np.array([[0.0, 9.0], [1.0, 9.0], [9.0, 0.0], [9.0, 1.0], [9.0,
    ...     9.0]]))
    (array([0, 1, 2, 3]), array([0, 0, 1, 1]))
    """
    epsilon = check_number("epsilon", epsilon, least=1e-6)
    if np.size(supply) == 1:
        supply = check_number("supply", supply, least=0)
    return Transport(supply, epsilon, _at_least_one("steps", steps))


def estimated_supply(iou, most=20):
    """How many predictions each target should have: the sum of its largest IoUs, cut to a whole
    number, at least 1.

    Args: iou (N, T); most: how many IoUs are summed. Returns (T,) int64. Source: OTA, dynamic k
    estimation.

    >>> estimated_supply([[0.9, 0.1], [0.8, 0.0], [0.7, 0.2]])
    array([2, 1])
    """
    largest = np.sort(np.asarray(iou, dtype=np.float64), axis=0)[::-1][:most]
    return np.maximum(largest.sum(0).astype(np.int64), 1)


def _at_least_one(name, value):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {shown(value)}; give a whole number from 1 on.")
    return int(value)
