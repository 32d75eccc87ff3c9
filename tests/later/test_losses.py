import numpy as np
import pytest
import torch
from batches import NUM_CLASSES, batches, make_batch, pairs_of, recorded
from hypothesis import assume, given
from torch.nn import functional as F
from transformers import RTDetrConfig
from transformers.loss import loss_deformable_detr as deformable
from transformers.loss import loss_lw_detr as lw_detr
from transformers.loss import loss_rt_detr as rt_detr

from helpers import HungarianMatcher, SetCriterion
from helpers.later.costs import (
    FOCAL_COSTS,
    FocalCost,
    class_goals,
    focal_cost,
    focal_loss,
    quality_loss,
    varifocal_loss,
)
from helpers.later.losses import (
    EveryLayersMasks,
    FocalLoss,
    GroupCriterion,
    QualityLoss,
    SoftmaxLoss,
    VarifocalLoss,
)
from helpers.later.matches import in_groups

RT_DETR = RTDetrConfig(num_labels=NUM_CLASSES)
MATCHER = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS)


def sigmoid_batch(sizes, seed=0, **more):
    outputs, targets = make_batch(sizes, seed=seed, **more)
    return outputs | {"logits": outputs["logits"].detach()[..., :-1].clone().requires_grad_()}, targets


def test_the_last_of_k_columns_is_a_class_like_any_other():
    outputs, targets = sigmoid_batch([3, 2])
    targets[0]["class_labels"][:] = NUM_CLASSES - 1
    reference = deformable.DeformableDetrHungarianMatcher(2, 5, 2)
    assert pairs_of(MATCHER(outputs, targets)) == pairs_of(reference(outputs, targets))
    targets[0]["class_labels"][1] = NUM_CLASSES
    with pytest.raises(ValueError, match=r'targets\[0\]\["class_labels"\]\[1\] is 5'):
        MATCHER(outputs, targets)


def test_one_class_needs_one_column():
    outputs, targets = sigmoid_batch([2, 1], num_classes=1)
    criterion = SetCriterion(MATCHER, 1, terms={"labels": FocalLoss()})
    assert criterion.total(criterion(outputs, targets)).isfinite()
    with pytest.raises(ValueError, match="has 1 columns and needs at least two columns: one class, and no-object"):
        HungarianMatcher()(outputs, targets)
    nothing = {**outputs, "logits": outputs["logits"][..., :0]}
    with pytest.raises(ValueError, match="has 0 columns and needs at least one column for each class"):
        MATCHER(nothing, targets)


def test_parts_of_two_kinds_are_not_mixed_in_silence():
    outputs, targets = sigmoid_batch([2])
    with pytest.raises(ValueError, match="matcher takes the last column of the logits for no-object"):
        SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": FocalLoss()})(outputs, targets)
    with pytest.raises(ValueError, match="has 5 columns; num_classes=5 needs 6, no-object last"):
        SetCriterion(MATCHER, NUM_CLASSES)(outputs, targets)
    with pytest.raises(ValueError, match=r"has 5 columns; num_classes=4 needs 4\."):
        SetCriterion(MATCHER, 4, terms={"labels": FocalLoss()})(outputs, targets)


@given(batches(max_extra=0, dtype=torch.float64))
def test_class_terms_equal_the_references(batch):
    outputs, targets = batch
    assume(sum(len(target["boxes"]) for target in targets))
    outputs = outputs | {"logits": outputs["logits"].detach()[..., :-1].requires_grad_()}
    pairs = MATCHER(outputs, targets)
    num_boxes = sum(len(target["boxes"]) for target in targets)
    given = outputs, targets, pairs, num_boxes
    for term, key, theirs in (
        (FocalLoss(), "loss_ce", deformable.DeformableDetrImageLoss(None, NUM_CLASSES, 0.25, []).loss_labels(*given)),
        (FocalLoss(0.4), "loss_ce", deformable.DeformableDetrImageLoss(None, NUM_CLASSES, 0.4, []).loss_labels(*given)),
        (VarifocalLoss(), "loss_vfl", rt_detr.RTDetrLoss(RT_DETR).loss_labels_vfl(*given)),
        (QualityLoss(), "loss_ce", lw_detr.LwDetrImageLoss(None, NUM_CLASSES, 0.25, [], 1).loss_labels(*given)),
    ):
        criterion = SetCriterion(recorded(pairs), NUM_CLASSES, losses=("labels",), terms={"labels": term})
        ours = criterion(outputs, targets)
        assert torch.allclose(ours[key], theirs[key], atol=1e-6, rtol=1e-6)
        assert criterion.total(ours).item() == ours[key].item()
        gradients = [torch.autograd.grad(loss, outputs["logits"])[0] for loss in (ours[key], theirs[key])]
        assert torch.allclose(*gradients, atol=1e-6)


def test_the_whole_criterion_equals_deformable_detrs():
    outputs, targets = sigmoid_batch([3, 0, 2])
    outputs["auxiliary_outputs"] = [sigmoid_batch([3, 0, 2], seed=seed)[0] for seed in (1, 2)]
    ours = SetCriterion(MATCHER, NUM_CLASSES, terms={"labels": FocalLoss()})(outputs, targets)
    matcher = deformable.DeformableDetrHungarianMatcher(2, 5, 2)
    losses = ["labels", "boxes", "cardinality"]
    theirs = deformable.DeformableDetrImageLoss(matcher, NUM_CLASSES, 0.25, losses)(outputs, targets)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5), name


def test_alpha_and_gamma_reach_the_cost():
    outputs, targets = sigmoid_batch([3])
    matcher = HungarianMatcher(costs={"class_cost": FocalCost(alpha=0.6, gamma=1.0)})
    found = matcher.cost_matrices(outputs, targets)[0]["class_cost"]
    expected = focal_cost(outputs["logits"][0], targets[0]["class_labels"], alpha=0.6, gamma=1.0)
    assert torch.equal(found, expected)


def test_class_weights_and_smooth_labels_by_hand():
    # gamma 0 and alpha 1/2: half the binary cross-entropy. One guess, two classes; the goals (0, 1) become (0.1, 0.9).
    outputs = {"logits": torch.tensor([[[0.7, -0.4]]]), "pred_boxes": torch.full((1, 1, 4), 0.5)}
    targets = [{"class_labels": torch.tensor([1]), "boxes": torch.full((1, 4), 0.5)}]
    term = FocalLoss(alpha=0.5, gamma=0.0, class_weights=[3, 5], label_smoothing=0.2)
    found = SetCriterion(MATCHER, 2, terms={"labels": term})(outputs, targets)["loss_ce"]
    apart = F.binary_cross_entropy_with_logits(outputs["logits"], torch.tensor([[[0.1, 0.9]]]), reduction="none")
    assert found.item() == pytest.approx((apart * torch.tensor([3.0, 5.0])).sum().item() / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_softmax_with_weights_is_torchs(smoothing):
    outputs, targets = make_batch([3, 1])
    pairs = HungarianMatcher()(outputs, targets)
    weights = [1.0, 2.0, 0.5, 3.0, 1.5]
    term = SoftmaxLoss(class_weights=weights, label_smoothing=smoothing)
    found = SetCriterion(recorded(pairs), NUM_CLASSES, 0.3, terms={"labels": term})(outputs, targets)["loss_ce"]
    classes = torch.full((2, 6), NUM_CLASSES)
    for image, (prediction, target) in enumerate(pairs):
        classes[image, prediction] = targets[image]["class_labels"][target]
    logits = outputs["logits"].flatten(0, 1)
    expected = F.cross_entropy(logits, classes.flatten(), torch.tensor([*weights, 0.3]), label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    plain = SetCriterion(recorded(pairs), NUM_CLASSES, terms={"labels": SoftmaxLoss()})(outputs, targets)
    usual = SetCriterion(recorded(pairs), NUM_CLASSES)(outputs, targets)
    assert plain["loss_ce"].item() == pytest.approx(usual["loss_ce"].item(), rel=1e-6)


RAW = torch.zeros(1, 2, 3), torch.eye(3)[None, :2], torch.full((1, 2), 0.5)  # logits, goals, overlap


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: FocalLoss(alpha=2), ValueError, "alpha is 2"),
        (lambda: FocalLoss(gamma=-1), ValueError, "gamma is -1"),
        (lambda: FocalLoss(gamma="2"), TypeError, "gamma is '2'"),
        (lambda: SoftmaxLoss(label_smoothing=float("nan")), ValueError, "label_smoothing is nan"),
        (lambda: FocalLoss(class_weights=3), TypeError, "class_weights is int"),
        (lambda: SoftmaxLoss(class_weights=[1, None]), TypeError, "class_weights is None"),
        (lambda: in_groups(0), ValueError, "count is 0"),
        (lambda: focal_loss(*RAW[:2], float("nan")), ValueError, "num_boxes is nan"),
        (lambda: focal_loss(*RAW[:2], -3), ValueError, "num_boxes is -3"),
        (lambda: varifocal_loss(*RAW, "2"), TypeError, "num_boxes is '2'"),
        (lambda: focal_loss(*RAW[:2], None), TypeError, "num_boxes is None"),
        (lambda: focal_loss(*RAW[:2], torch.ones(2)), TypeError, "num_boxes is tensor"),
        (lambda: quality_loss(*RAW, [2]), TypeError, r"num_boxes is \[2\]"),
        (lambda: GroupCriterion(HungarianMatcher(), 5), TypeError, "matcher has no groups"),
    ],
)
def test_parts_that_could_not_work_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("loss", [FocalLoss(), VarifocalLoss(), QualityLoss()])
def test_a_share_of_one_target_divides_as_it_is(loss):
    """One object in four batches: each divides by a quarter, and boxes and classes by the same."""
    outputs, targets = make_batch([1])
    criterion = SetCriterion(HungarianMatcher(costs=FOCAL_COSTS), NUM_CLASSES + 1, terms={"labels": loss})
    one, quarter = (criterion(outputs, targets, num_boxes=boxes) for boxes in (1, 0.25))
    for name in one:
        if name != "cardinality_error":
            assert torch.isclose(quarter[name], 4 * one[name])


def test_weights_for_another_number_of_classes():
    outputs, targets = make_batch([1])
    for term in (SoftmaxLoss(class_weights=[1.0] * 4), SoftmaxLoss(class_weights=torch.ones(7))):
        with pytest.raises(ValueError, match=r"class_weights has \d numbers; give one for each of 5 classes"):
            SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": term})(outputs, targets)


@pytest.mark.parametrize("groups", [1, 3])
def test_groups_equal_lw_detr(groups):
    outputs, targets = sigmoid_batch([3, 0, 2], num_predictions=12, dtype=torch.float64)
    matcher = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS, assign=in_groups(groups))
    criterion = GroupCriterion(matcher, NUM_CLASSES, terms={"labels": QualityLoss()})
    reference = lw_detr.LwDetrHungarianMatcher(2, 5, 2)
    losses = ["labels", "boxes", "cardinality"]
    theirs = lw_detr.LwDetrImageLoss(reference, NUM_CLASSES, 0.25, losses, groups)(outputs, targets)
    ours = criterion(outputs, targets)
    for name in ("loss_ce", "loss_bbox", "loss_giou"):
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-6), name


def test_masks_of_every_layer():
    outputs, targets = make_batch([2, 1])
    layer = make_batch([2, 1], seed=1)[0]
    for fields in (outputs, layer):
        fields["pred_masks"] = torch.randn(2, 6, 4, 4)
    for target in targets:
        target["masks"] = torch.rand(len(target["boxes"]), 8, 8) > 0.5
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",), terms={"masks": EveryLayersMasks()})
    found = criterion(outputs | {"auxiliary_outputs": [layer]}, targets)
    alone = SetCriterion(HungarianMatcher(), NUM_CLASSES, losses=("masks",))(layer, targets)
    assert found["loss_dice_0"].item() == alone["loss_dice"].item()
    bare = make_batch([2, 1], seed=1)[0]
    assert set(criterion(outputs | {"auxiliary_outputs": [bare]}, targets)) == {"loss_mask", "loss_dice"}


def test_no_target_at_all_is_finite():
    outputs, targets = sigmoid_batch([0, 0])
    goals, overlap = class_goals(outputs, targets, MATCHER(outputs, targets))
    for loss in (
        focal_loss(outputs["logits"], goals, 0),
        varifocal_loss(outputs["logits"], goals, overlap, 0),
        quality_loss(outputs["logits"], goals, overlap, 0),
    ):
        assert loss.isfinite()


def test_a_prediction_with_two_targets_has_the_class_of_the_last():
    outputs, targets = sigmoid_batch([2])
    targets[0]["class_labels"] = torch.tensor([3, 1])
    goals, _ = class_goals(outputs, targets, [(torch.tensor([4, 4]), torch.tensor([0, 1]))])
    assert goals.nonzero().tolist() == [[0, 4, 1]]


def halves(outputs, targets):
    """A batch of four images as two of two."""
    for part in (slice(0, 2), slice(2, 4)):
        yield {name: value[part] for name, value in outputs.items()}, targets[part]


CLASS_WEIGHTS = [0.5, 1.0, 2.0, 3.0, 0.1]
ACCUMULATED = {
    "groups": GroupCriterion(HungarianMatcher(assign=in_groups(2)), NUM_CLASSES),
    "class weights": SetCriterion(
        HungarianMatcher(), NUM_CLASSES, terms={"labels": SoftmaxLoss(CLASS_WEIGHTS, label_smoothing=0.1)}
    ),
    "groups and class weights": GroupCriterion(
        HungarianMatcher(assign=in_groups(2)), NUM_CLASSES, terms={"labels": SoftmaxLoss(CLASS_WEIGHTS)}
    ),
}


@pytest.mark.parametrize("name", ACCUMULATED)
def test_normalizers_make_small_batches_the_large_one(name):
    criterion, (outputs, targets) = ACCUMULATED[name], make_batch([3, 0, 1, 2])
    whole, divisors = criterion(outputs, targets), criterion.normalizers(6, targets)
    parts = [criterion(*half, *divisors) for half in halves(outputs, targets)]
    for key in ("loss_ce", "loss_bbox", "loss_giou"):
        assert sum(part[key] for part in parts).item() == pytest.approx(whole[key].item(), rel=1e-5), key


def test_class_weights_cannot_be_summed_before_a_match_that_leaves_targets_out():
    criterion = SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": SoftmaxLoss(CLASS_WEIGHTS)})
    with pytest.raises(ValueError, match="targets hold more objects than there are predictions"):
        criterion.normalizers(2, make_batch([3])[1])
    plain = SetCriterion(HungarianMatcher(), NUM_CLASSES, terms={"labels": SoftmaxLoss()})
    assert plain.normalizers(2, make_batch([3])[1]) == (3, 2)


@pytest.mark.parametrize("make", [np.array, np.float32, torch.tensor, tuple])
def test_class_weights_of_any_kind(make):
    assert SoftmaxLoss(make(CLASS_WEIGHTS)).class_weights == pytest.approx(CLASS_WEIGHTS)
    with pytest.raises(TypeError, match="class_weights is"):
        FocalLoss(class_weights=make([CLASS_WEIGHTS] * 2))
