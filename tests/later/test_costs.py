import itertools

import pytest
import torch
from batches import NUM_CLASSES, batches, make_batch, pairs_of, reference_still
from hypothesis import assume, given
from torch.nn import functional as F
from transformers import DeformableDetrConfig, RTDetrConfig
from transformers.loss import loss_deformable_detr as deformable
from transformers.loss import loss_grounding_dino as grounding
from transformers.loss import loss_lw_detr as lw_detr
from transformers.loss import loss_rt_detr as rt_detr
from transformers.models.mask2former import modeling_mask2former as mask2former

from helpers import HungarianMatcher
from helpers.later import costs as later

RT_DETR = RTDetrConfig(num_labels=NUM_CLASSES)
FOCAL = {"costs": later.FOCAL_COSTS}


def without_no_object(outputs):
    """What a sigmoid model gives: K columns. Ours keep the last one, which the focal cost never reads."""
    return outputs | {"logits": outputs["logits"][..., :-1]}


def reference_costs(monkeypatch, module, match):
    """The cost matrices that a reference matcher hands to its solver, one for each image."""
    seen, solve = [], module.linear_sum_assignment

    def spy(cost):
        seen.append(torch.as_tensor(cost))
        return solve(cost)

    with monkeypatch.context() as patch:
        patch.setattr(module, "linear_sum_assignment", spy)
        match()
    return seen


def test_the_focal_cost_by_hand():
    # p = 3/4: 0.25 / 16 * ln(4/3) - 0.75 * 9/16 * ln(4) = 0.0044950 - 0.5848366; p = 1/2: (0.25 - 0.75) / 4 * ln(2).
    logits = torch.tensor([[3.0, 1.0]]).log()
    expected = torch.tensor([[-0.5803416, -0.0866434]])
    assert torch.allclose(later.focal_cost(logits, torch.tensor([0, 1])), expected, atol=1e-6)


def test_the_focal_cost_is_what_a_flipped_goal_adds():
    logits = torch.randn(1, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    goals = torch.zeros_like(logits)
    before = later.focal_loss(logits, goals, 1)
    for guess, label in itertools.product(range(4), range(3)):
        flipped = goals.clone()
        flipped[0, guess, label] = 1
        gain = later.focal_loss(logits, flipped, 1) - before
        assert torch.allclose(gain, later.focal_cost(logits[0], torch.tensor([label]))[guess, 0])


def test_the_focal_cost_stays_finite_and_has_a_gradient():
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    cost = later.focal_cost(logits, torch.tensor([0, 1]))
    assert torch.allclose(cost, torch.tensor([[-150.0, 50.0]]))
    cost.sum().backward()
    assert torch.isfinite(logits.grad).all()


@given(batches(max_extra=0, dtype=torch.float64))
def test_the_flat_batch_holds_the_single_images_focal_costs(batch):
    outputs, targets = batch
    matrices = HungarianMatcher(**FOCAL).cost_matrices(outputs, targets)
    for logits, target, matrix in zip(outputs["logits"].detach(), targets, matrices):
        assert torch.allclose(matrix["class_cost"], later.focal_cost(logits, target["class_labels"]))


@pytest.mark.parametrize("name", ["deformable", "rt_detr", "lw_detr", "grounding"])
def test_costs_and_matches_equal_the_references(name, monkeypatch):
    outputs, targets = make_batch([3, 0, 5], num_predictions=8, dtype=torch.float64)
    outputs = {key: value.detach() for key, value in outputs.items()}
    plain, weights = without_no_object(outputs), (2, 5, 2)
    module, match = {
        "deformable": (deformable, lambda: deformable.DeformableDetrHungarianMatcher(*weights)(plain, targets)),
        "rt_detr": (rt_detr, lambda: rt_detr.RTDetrHungarianMatcher(RT_DETR)(plain, targets)),
        "lw_detr": (lw_detr, lambda: lw_detr.LwDetrHungarianMatcher(*weights)(plain, targets, 1)),
        "grounding": (  # a class is the only word of its name
            grounding,
            lambda: grounding.GroundingDinoHungarianMatcher(*weights)(
                plain | {"label_maps": [torch.eye(NUM_CLASSES, dtype=torch.float64)] * 3}, targets
            ),
        ),
    }[name]
    matcher = HungarianMatcher(*weights, **FOCAL)
    theirs = reference_costs(monkeypatch, module, match)
    for ours, reference in zip(matcher.cost_matrices(outputs, targets), theirs, strict=True):
        assert torch.allclose(ours["total"], reference, atol=1e-5)
    assert pairs_of(matcher(outputs, targets)) == pairs_of(match())


@given(batches(max_extra=0, dtype=torch.float64))
def test_losses_and_their_gradients_equal_the_references(batch):
    outputs, targets = batch
    assume(sum(len(target["boxes"]) for target in targets))
    plain = without_no_object(outputs)
    pairs = HungarianMatcher(**FOCAL)(outputs, targets)
    goals, overlap = later.class_goals(plain, targets, pairs)
    num_boxes = sum(len(target["boxes"]) for target in targets)
    given = plain, targets, pairs, num_boxes
    losses = [
        (
            later.focal_loss(plain["logits"], goals, num_boxes),
            deformable.DeformableDetrImageLoss(None, NUM_CLASSES, 0.25, []).loss_labels(*given)["loss_ce"],
        ),
        (
            later.varifocal_loss(plain["logits"], goals, overlap, num_boxes),
            rt_detr.RTDetrLoss(RT_DETR).loss_labels_vfl(*given)["loss_vfl"],
        ),
        (
            later.quality_loss(plain["logits"], goals, overlap, num_boxes),
            lw_detr.LwDetrImageLoss(None, NUM_CLASSES, 0.25, [], 1).loss_labels(*given)["loss_ce"],
        ),
    ]
    for ours, theirs in losses:
        assert torch.allclose(ours, theirs, atol=1e-6, rtol=1e-6)
        gradients = [torch.autograd.grad(loss, outputs["logits"], retain_graph=True)[0] for loss in (ours, theirs)]
        assert torch.allclose(*gradients, atol=1e-6)


def test_a_box_that_misses_its_target_is_not_graded_by_varifocal():
    outputs = {"logits": torch.zeros(1, 1, 2), "pred_boxes": torch.tensor([[[0.2, 0.2, 0.1, 0.1]]])}
    targets = [{"class_labels": torch.tensor([0]), "boxes": torch.tensor([[0.8, 0.8, 0.1, 0.1]])}]
    goals, overlap = later.class_goals(outputs, targets, [(torch.tensor([0]), torch.tensor([0]))])
    logits = outputs["logits"].requires_grad_()
    later.varifocal_loss(logits, goals, overlap, 1).backward()
    assert logits.grad[0, 0, 0] == 0
    assert logits.grad[0, 0, 1] > 0


def make_masks(seed=0, num_predictions=6, num_targets=3):
    generator = torch.Generator().manual_seed(seed)
    outputs, targets = make_batch([num_targets], num_predictions, seed=seed)
    outputs = {name: value.detach() for name, value in outputs.items()}
    outputs["pred_masks"] = 3 * torch.randn(1, num_predictions, 16, 16, generator=generator)
    targets[0]["masks"] = torch.rand(num_targets, 32, 32, generator=generator) < 0.3
    return outputs, targets


@pytest.mark.parametrize("seed", range(5))
def test_masks_at_points_equal_mask2former(seed, monkeypatch):
    outputs, targets = make_masks(seed)
    arguments = outputs["pred_masks"], outputs["logits"], [targets[0]["masks"]], [targets[0]["class_labels"]]
    reference = mask2former.Mask2FormerHungarianMatcher(2, 5, 5, num_points=200)

    def match():
        torch.manual_seed(seed)
        return reference(*arguments)

    torch.manual_seed(seed)
    matcher = HungarianMatcher(2, 0, 0, costs=later.point_costs(torch.rand(200, 2)))
    theirs = reference_costs(monkeypatch, mask2former, match)
    ours = matcher.cost_matrices(outputs, targets)[0]
    assert torch.allclose(ours["total"], theirs[0], atol=1e-5)
    assert pairs_of(matcher(outputs, targets)) == pairs_of(match())


def test_mask_costs_serve_a_flat_batch():
    generator = torch.Generator().manual_seed(0)
    logits, ink = torch.randn(2, 4, 50, generator=generator), (torch.rand(5, 50, generator=generator) < 0.5).float()
    image_index = torch.tensor([0, 0, 0, 1, 1])
    for cost in (later.mask_cost, later.dice_cost):
        flat = cost(logits, ink, image_index)
        assert flat.shape == (4, 5)
        assert torch.allclose(flat[:, :3], cost(logits[0], ink[:3]), atol=1e-6)
        assert torch.allclose(flat[:, 3:], cost(logits[1], ink[3:]), atol=1e-6)
    expected = F.binary_cross_entropy_with_logits(logits[1, 2], ink[4])
    assert torch.allclose(later.mask_cost(logits[1], ink[3:])[2, 1], expected, atol=1e-6)


def test_a_batch_with_masks_of_two_sizes_and_an_empty_image():
    outputs, targets = make_batch([2, 0, 1], num_predictions=4)
    outputs = {name: value.detach() for name, value in outputs.items()} | {"pred_masks": torch.randn(3, 4, 8, 8)}
    for target, side in zip(targets, (16, 16, 24)):
        target["masks"] = torch.rand(len(target["boxes"]), side, side) < 0.5
    matcher = HungarianMatcher(2, 0, 0, costs=later.point_costs(torch.rand(30, 2)))
    assert [len(prediction) for prediction, _ in matcher(outputs, targets)] == [2, 0, 1]


def test_two_losses_of_rt_detr_do_not_run():
    outputs, targets = make_batch([2])
    plain, pairs = without_no_object(outputs), HungarianMatcher(**FOCAL)(outputs, targets)
    criterion = rt_detr.RTDetrLoss(RT_DETR)
    assert criterion.get_loss("vfl", plain, targets, pairs, 2)["loss_vfl"] > 0
    with reference_still("RTDetrLoss: labels and focal raise"):
        for name in ("labels", "focal"):
            with pytest.raises((AttributeError, RuntimeError, IndexError)):
                criterion.get_loss(name, plain, targets, pairs, 2)


def test_lw_detr_takes_the_logarithm_of_zero():
    outputs, targets = make_batch([2])
    plain = {"logits": 20 * without_no_object(outputs)["logits"], "pred_boxes": outputs["pred_boxes"]}
    pairs = HungarianMatcher(**FOCAL)(outputs, targets)
    theirs = lw_detr.LwDetrImageLoss(None, NUM_CLASSES, 0.25, [], 1).loss_labels(plain, targets, pairs, 2)["loss_ce"]
    with reference_still("LwDetrImageLoss takes log(0)"):
        assert not torch.isfinite(theirs)
    assert torch.isfinite(later.quality_loss(plain["logits"], *later.class_goals(plain, targets, pairs), 2))


def test_deformable_segmentation_matches_with_softmax(monkeypatch):
    outputs, targets = make_masks()
    config = DeformableDetrConfig(num_labels=NUM_CLASSES, auxiliary_loss=False)
    plain = without_no_object(outputs)
    arguments = plain["logits"], targets, "cpu", plain["pred_boxes"]
    with_sigmoid = reference_costs(
        monkeypatch, deformable, lambda: deformable.DeformableDetrForObjectDetectionLoss(*arguments, config)
    )
    assert len(with_sigmoid) == 1
    from transformers.loss import loss_for_object_detection as detr

    with reference_still("the segmentation loss of Deformable DETR matches with softmax"):
        with_softmax = reference_costs(
            monkeypatch,
            detr,
            lambda: deformable.DeformableDetrForSegmentationLoss(*arguments, plain["pred_masks"], config),
        )
        # One more column, of no object, that softmax can hardly see: the probabilities are those of K columns.
        quiet = outputs | {"logits": F.pad(plain["logits"], (0, 1), value=-1e4)}
        assert torch.allclose(HungarianMatcher().cost_matrices(quiet, targets)[0]["total"], with_softmax[0], atol=1e-5)
