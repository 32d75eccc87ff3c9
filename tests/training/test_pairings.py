import numpy as np
import torch
from batches import make_batch

from helpers import HungarianMatcher, SetCriterion
from helpers.boxes import box_iou, center_to_corners
from helpers.training.pairings import NEAR, by_index, everyone_near, one_to_many


def test_by_index_with_more_targets_than_guesses():
    assert [part.tolist() for part in by_index(np.zeros((2, 3)))] == [[0, 1], [0, 1]]


def test_everyone_near_takes_all_who_are_near_and_no_guess_twice():
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost = -(rng.random((9, 4)) ** 2)
        guesses, _ = everyone_near(cost)
        assert len(set(guesses.tolist())) == len(guesses)
        far = cost.min(1) >= -NEAR
        assert set(np.flatnonzero(~far)) <= set(guesses.tolist())
        assert set(guesses[far[guesses]].tolist()) <= set(cost.argmin(0).tolist())


def test_everyone_near_without_targets():
    assert [len(part) for part in everyone_near(np.zeros((5, 0)))] == [0, 0]


def test_one_to_many_pairs_by_overlap_in_a_batch():
    outputs, targets = make_batch([2, 0, 3])
    pairs = one_to_many()(outputs, targets)
    for boxes, target, (guesses, owners) in zip(outputs["pred_boxes"], targets, pairs):
        overlap = box_iou(center_to_corners(boxes)[:, None], center_to_corners(target["boxes"]))
        expected = everyone_near(-overlap.detach().numpy())
        assert [guesses.tolist(), owners.tolist()] == [part.tolist() for part in expected]


def test_the_loss_takes_many_to_one():
    outputs, targets = make_batch([2, 0, 3])
    losses = SetCriterion(one_to_many(), outputs["logits"].shape[-1] - 1)(outputs, targets)
    assert all(torch.isfinite(value) for value in losses.values())
    plain = SetCriterion(HungarianMatcher(), outputs["logits"].shape[-1] - 1)(outputs, targets)
    assert losses.keys() == plain.keys()
