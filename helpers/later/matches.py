"""How detectors after DETR give one target several guesses: groups, repeated targets.

Each is a solver for `HungarianMatcher(assign=...)`: a cost matrix (N, T) of one image gives
(prediction_index, target_index), where a target may now appear several times, and a prediction
still once at most."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers.contract import shown


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


def _at_least_one(name, value):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {shown(value)}; give a whole number from 1 on.")
    return int(value)
