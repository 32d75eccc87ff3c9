"""Pairings that break the one-to-one rule or ignore the cost, and costs of others: to train with
and see what fails.

Each is a solver for `HungarianMatcher(assign=...)`; `helpers.assignment` has `greedy` and `argmin`.
"""

import numpy as np

from helpers.boxes import at_least_float32, box_iou, center_to_corners
from helpers.costs import pair_up
from helpers.matcher import HungarianMatcher

NEAR = 0.4  # IoU from which a guess counts as the object's


def by_index(cost):
    """Guess 0 with target 0, guess 1 with target 1: cost (N, T) -> (prediction_index,
    target_index).

    >>> by_index(np.zeros((3, 2)))
    (array([0, 1]), array([0, 1]))
    """
    places = np.arange(min(cost.shape))
    return places, places


def everyone_near(cost):
    """Each guess with IoU over 0.4 goes to the target it overlaps most, and each target claims its
    best guess.

    Args: cost (N, T), minus the IoU. Returns (prediction_index, target_index), one pair for each
    such guess; of two claims on a guess, the later holds.

    >>> everyone_near(-np.array([[0.9, 0.0], [0.5, 0.0], [0.0, 0.1]]))
    (array([0, 1, 2]), array([0, 0, 1]))
    """
    cost = np.asarray(cost)
    if not cost.size:
        return np.zeros(0, int), np.zeros(0, int)
    owner = np.where(cost.min(1) < -NEAR, cost.argmin(1), -1)
    owner[cost.argmin(0)] = np.arange(cost.shape[1])
    return np.flatnonzero(owner >= 0), owner[owner >= 0]


def iou_cost(outputs, targets, image_index):
    """Minus the IoU of each prediction with the targets of its image: (N, T), as
    `helpers.costs.giou_cost`.
    """
    corners = center_to_corners(outputs["pred_boxes"]), center_to_corners(targets["boxes"])
    return -box_iou(*pair_up(*corners, image_index)).T


def log_class_cost(outputs, targets, image_index):
    """Minus the logarithm of the probability instead of minus the probability: (N, T)."""
    log_probability = at_least_float32(outputs["logits"]).log_softmax(-1)
    return -log_probability[image_index, :, targets["class_labels"]].T


def one_to_many():
    """A matcher that gives a target every guess near it, as detectors did that need non-maximum
    suppression.
    """
    costs = {"giou_cost": iou_cost}
    return HungarianMatcher(
        class_cost=0, bbox_cost=0, giou_cost=1, costs=costs, assign=everyone_near
    )
