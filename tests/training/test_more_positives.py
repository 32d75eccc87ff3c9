import torch

from helpers import HungarianMatcher
from helpers.training.more_positives import FLIPPED, SHAKEN, in_place, repeated_targets, spoiled

TARGETS = [
    {"class_labels": torch.tensor([3, 1]), "boxes": torch.tensor([[0.3, 0.3, 0.2, 0.4], [0.7, 0.6, 0.4, 0.2]])},
    {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)},
]


def test_a_target_that_is_listed_twice_has_two_guesses():
    torch.manual_seed(0)
    outputs = {"logits": torch.randn(2, 12, 11), "pred_boxes": torch.rand(2, 12, 4).clamp(0.1)}
    guesses, places = HungarianMatcher()(outputs, repeated_targets(TARGETS))[0]
    owners = (places % 2).tolist()  # of four places, two for each target
    assert sorted(owners) == [0, 0, 1, 1]
    assert len(set(guesses.tolist())) == 4


def test_spoiled_targets_stand_copy_by_copy_and_follow_from_the_seed():
    labels, boxes = spoiled(TARGETS, [0, 7])
    assert labels.shape == (2, 12)
    assert boxes.shape == (2, 12, 4)
    assert torch.equal(boxes, spoiled(TARGETS, [0, 7])[1])
    assert not torch.equal(boxes, spoiled(TARGETS, [0, 8])[1])
    (guesses, places), (none, _) = in_place(None, repeated_targets(TARGETS))
    assert guesses.tolist() == [0, 1, 6, 7]
    assert places.tolist() == [0, 1, 2, 3]
    assert not len(none)
    wanted = repeated_targets(TARGETS)[0]["boxes"]
    moved = (boxes[0, guesses] - wanted).abs() / torch.cat([wanted[:, 2:] / 2, wanted[:, 2:]], 1)
    assert 0 < moved.max() <= SHAKEN + 1e-6
    assert not boxes[1].any(), "an empty image has nothing to spoil"


def test_as_many_names_are_wrong_as_asked():
    many = [TARGETS[0]] * 1000
    labels, _ = spoiled(many, [1])
    guesses, _ = in_place(None, repeated_targets(TARGETS[:1]))[0]
    right = labels[:, guesses] == torch.tensor([3, 1, 3, 1])
    assert abs((~right).float().mean() - FLIPPED * 0.9) < 0.02  # one random name in ten is right
