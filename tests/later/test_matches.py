import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, batches, make_batch, pairs_of
from hypothesis import given
from transformers.loss.loss_lw_detr import LwDetrHungarianMatcher, LwDetrImageLoss

from helpers import HungarianMatcher, SetCriterion
from helpers.later.costs import FOCAL_COSTS
from helpers.later.matches import in_groups, repeated


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_groups_equal_the_reference_match_and_losses(groups):
    outputs, targets = make_batch([3, 0, 5], num_predictions=12, dtype=torch.float64)
    plain = outputs | {"logits": outputs["logits"][..., :-1]}
    matcher = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS, assign=in_groups(groups))
    reference = LwDetrHungarianMatcher(2, 5, 2)
    pairs = matcher(outputs, targets)
    assert [sorted(pair) for pair in pairs_of(pairs)] == [
        sorted(pair) for pair in pairs_of(reference(plain, targets, groups))
    ]
    criterion = SetCriterion(lambda *_: pairs, NUM_CLASSES, losses=("boxes",))
    ours = criterion(outputs, targets, num_boxes=8 * groups)
    theirs = LwDetrImageLoss(reference, NUM_CLASSES, 0.25, ["boxes"], groups)(plain, targets)
    for name in ("loss_bbox", "loss_giou"):
        assert torch.allclose(ours[name], theirs[name])


@pytest.mark.parametrize(
    ("assign", "num_targets", "left", "room"),
    [(in_groups(2), 4, 1, 3), (in_groups(2), 7, 4, 3), (repeated(3), 6, 4, 2)],
)
def test_targets_that_no_prediction_is_left_for_are_counted_in_a_warning(assign, num_targets, left, room):
    _, targets = make_batch([1, num_targets])
    # All guesses like the first two targets best: copies of these go before the others.
    outputs = {"logits": 5.0 * torch.eye(NUM_CLASSES + 1)[0].expand(2, 6, -1), "pred_boxes": torch.full((2, 6, 4), 0.5)}
    targets = [{name: torch.zeros_like(value) for name, value in target.items()} for target in targets]
    targets[1]["class_labels"][2:] = 1
    with pytest.warns(UserWarning, match=f"{left} targets have no prediction left: some .* more than {room} objects"):
        pairs = HungarianMatcher(assign=assign)(outputs, targets)
    assert len(set(pairs[1][1].tolist())) == num_targets - left


@pytest.mark.parametrize(("assign", "num_targets"), [(in_groups(2), 3), (repeated(3), 2), (repeated(3), 0)])
def test_targets_that_all_have_predictions_raise_no_warning(assign, num_targets):
    pairs = HungarianMatcher(assign=assign)(*make_batch([num_targets], num_predictions=6))
    assert len(set(pairs[0][1].tolist())) == num_targets


def test_groups_must_be_of_equal_size():
    with pytest.raises(ValueError, match="do not split"):
        in_groups(5)(np.zeros((12, 2)))


@pytest.mark.filterwarnings("ignore:.*targets have no prediction left")
@given(batches(max_extra=0))
def test_repeated_targets_have_as_many_guesses_and_none_twice(batch):
    outputs, targets = batch
    num_predictions = outputs["logits"].shape[1]
    once, twice = HungarianMatcher()(outputs, targets), HungarianMatcher(assign=repeated(2))(outputs, targets)
    assert pairs_of(HungarianMatcher(assign=repeated(1))(outputs, targets)) == pairs_of(once)
    for (prediction, target), truth in zip(twice, targets):
        assert len(prediction) == min(num_predictions, 2 * len(truth["boxes"])) == len(prediction.unique())
        assert target.bincount(minlength=1).max() <= 2


def test_images_without_targets():
    outputs, targets = make_batch([0, 2])
    for assign in (in_groups(2), repeated(2)):
        pairs = HungarianMatcher(assign=assign)(outputs, targets)
        assert len(pairs[0][0]) == 0 < len(pairs[1][0])
