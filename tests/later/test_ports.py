"""What transformers' ports of DETR's children do wrong, and the parts of `helpers.later` and its adapter do not.

The faults themselves are measured for the page of `make reference`. Further ones stand where the right value is tested:
in `test_costs.py` LW-DETR's logarithm of zero, and Deformable DETR's match by softmax for masks.
"""

import pytest
import torch
from batches import reference_still
from transformers import ConditionalDetrConfig, DabDetrConfig
from transformers.loss.loss_deformable_detr import DeformableDetrForObjectDetectionLoss

from benchmarks.reference import divisors, ports
from helpers import HungarianMatcher, SetCriterion
from helpers.later.costs import FOCAL_COSTS, class_goals, point_costs, quality_loss
from helpers.later.losses import FocalLoss
from helpers.later.transformers_loss import as_focal_transformers_loss


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_class_loss_of_lw_detr_and_rf_detr_is_infinite(dtype):
    with reference_still("LW-DETR and RF-DETR take log(1 - p) of a rounded p"):
        limit = ports.infinite_from(dtype)
        assert limit is not None
        assert limit == ports.infinite_from(dtype, right=True)
    logits = torch.zeros(1, 2, 5, dtype=dtype)
    logits[0, 1, 3] = limit
    logits.requires_grad_()
    outputs, pairs = {"logits": logits, "pred_boxes": ports.boxes(1, 2)}, [(torch.tensor([0]), torch.tensor([0]))]
    loss = quality_loss(logits, *class_goals(outputs, [ports.target(1)], pairs), num_boxes=1)
    loss.backward()
    assert loss.isfinite()
    assert loss > 0.9 * limit  # the wrong guess pays its whole logit
    assert logits.grad[0, 1, 3] > 0.9


def test_scores_of_rt_detr_depend_on_the_company():
    with reference_still("RT-DETR's post-processing takes its softmax over the batch"):
        alone, beside = ports.softmax_over_the_batch()
        assert alone == 1 != beside


def test_conditional_detr_never_returns_its_last_class():
    with reference_still("Conditional DETR's instance post-processing drops the last class"):
        assert ports.classes_returned() == [0, 1, 2, 3]


@pytest.mark.parametrize("config_class", [ConditionalDetrConfig, DabDetrConfig])
def test_the_class_coefficient_is_read_by_no_loss(config_class):
    def total(loss_function, coefficient, **options):
        config = config_class(num_labels=5, cls_loss_coefficient=coefficient, auxiliary_loss=False)
        logits = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0))
        loss, parts, _ = loss_function(logits, [ports.target(2)], "cpu", ports.boxes(1, 6), config, **options)
        return loss.item(), parts["loss_ce"].item()

    with reference_still("cls_loss_coefficient of Conditional and DAB DETR is read by no loss"):
        theirs = total(DeformableDetrForObjectDetectionLoss, 2)
        assert theirs == total(DeformableDetrForObjectDetectionLoss, 200)
    once, part = total(as_focal_transformers_loss(), 2)
    assert once == pytest.approx(theirs[0], rel=1e-5)
    weighed, _ = total(as_focal_transformers_loss(weights={"loss_ce": 3.0}), 2)  # how a reader weighs it
    assert weighed == pytest.approx(once + 2 * part, rel=1e-5)


def test_rf_detr_compares_masks_at_points_drawn_anew():
    with reference_still("RF-DETR's matcher draws new points in each call, in eval() too"):
        costs, points = ports.losses_of_one_image()
        assert (costs, points) == (10, 3)
    generator = torch.Generator().manual_seed(0)
    outputs = {
        "logits": torch.randn(1, 12, 5, generator=generator),
        "pred_boxes": ports.boxes(1, 12),
        "pred_masks": torch.randn(1, 12, 24, 24, generator=generator),
    }
    targets = [{**ports.target(2), "masks": torch.rand(2, 96, 96, generator=generator) > 0.5}]
    matcher = HungarianMatcher(2, 5, 2, costs=FOCAL_COSTS | point_costs(torch.rand(300, 2, generator=generator)))
    first, second = (matcher.cost_matrices(outputs, targets)[0]["total"] for _ in range(2))
    assert torch.equal(first, second)


def test_grounding_dino_teaches_another_images_words():
    counts, words = torch.tensor([2, 3, 1]), torch.tensor([0, 1, 10, 11, 12, 20])  # phrases of each image; their words
    with reference_still("Grounding DINO looks each image's goals up behind its own number of phrases"):
        assert ports.words_taught() == words[torch.tensor([0, *counts[1:]])].tolist() == [0, 11, 1]
    assert words[counts.cumsum(0) - counts].tolist() == [0, 10, 20]  # behind all images before it is right


def test_lw_detr_evaluates_with_all_groups():
    with reference_still("LW-DETR matches each target 13 times in eval()"):
        assert divisors.pairs_in_evaluation() == 26
    first_group = {"logits": torch.randn(1, 300, 5), "pred_boxes": ports.boxes(1, 300)}
    ((guesses, _),) = HungarianMatcher(costs=FOCAL_COSTS)(first_group, [ports.target(2)])
    assert len(guesses) == 2


def test_deimv2_grades_boxes_on_the_matches_of_all_layers():
    with reference_still("DEIMv2 grades the union of all layers' matches, D-FINE's port does not"):
        deim, d_fine = divisors.union_of_layers(layers=7, objects=2).values()
        assert (*deim, *d_fine) == (14, 14, 2, 2)
    # Ours has a match for each layer: two objects a layer, divided by two.
    shifts = iter(range(7))

    def another_each_time(outputs, targets):
        shift = next(shifts)
        return [(torch.tensor([2 * shift, 2 * shift + 1]), torch.tensor([0, 1]))]

    target = {"class_labels": torch.tensor([0, 1]), "boxes": torch.full((2, 4), 0.5)}
    layers = [{"logits": torch.zeros(1, 14, 5), "pred_boxes": torch.full((1, 14, 4), 0.4)} for _ in range(7)]
    criterion = SetCriterion(another_each_time, 5, losses=("boxes",), terms={"labels": FocalLoss()})
    losses = criterion({**layers[-1], "auxiliary_outputs": layers[:-1]}, [target])
    assert [losses[name].item() for name in losses if "bbox" in name] == pytest.approx([0.4] * 7)
