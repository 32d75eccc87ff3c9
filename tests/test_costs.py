import math

import pytest
import torch
from batches import batches, make_batch
from hypothesis import given
from transformers.image_transforms import center_to_corners_format
from transformers.loss.loss_for_object_detection import generalized_box_iou

from helpers.costs import bbox_cost, class_cost, giou_cost


def flat(targets):
    labels = torch.cat([target["class_labels"] for target in targets])
    boxes = torch.cat([target["boxes"] for target in targets])
    image_index = torch.tensor([image for image, t in enumerate(targets) for _ in t["class_labels"]], dtype=torch.int64)
    return labels, boxes, image_index


def test_two_predictions_three_targets_by_hand():
    # Softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4); of (0, 0, ln 6) it is (1/8, 1/8, 6/8).
    logits = torch.tensor([[math.log(2), 0.0, 0.0], [0.0, 0.0, math.log(6)]])
    class_labels = torch.tensor([0, 1, 0])
    expected = [[-1 / 2, -1 / 4, -1 / 2], [-1 / 8, -1 / 8, -1 / 8]]
    assert torch.allclose(class_cost(logits, class_labels), torch.tensor(expected))

    pred_boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.6, 0.5, 0.4, 0.2]])
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.3, 0.2, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]])
    # |0.6 - 0.2| + |0.5 - 0.2| + |0.4 - 0.2| + |0.2 - 0.2| = 0.4 + 0.3 + 0.2 + 0 = 0.9, and so on.
    expected = [[0.0, 0.1, 0.7], [0.9, 0.8, 0.2]]
    assert torch.allclose(bbox_cost(pred_boxes, boxes), torch.tensor(expected), atol=1e-6)

    # Corners: A = (.1, .1, .3, .3), B = (.4, .4, .8, .6); targets (.1, .1, .3, .3), (.2, .1, .4, .3), (.5, .4, .7, .6).
    # A with 0: the same box, GIoU 1.
    # A with 1: share .1 x .2 = .02, union .04 + .04 - .02 = .06, hull .3 x .2 = .06: GIoU = 1/3.
    # A with 2: share 0, union .08, hull .6 x .5 = .3: GIoU = -.22 / .3 = -11/15.
    # B with 0: share 0, union .08 + .04 = .12, hull .7 x .5 = .35: GIoU = -.23 / .35 = -23/35.
    # B with 1: they touch in no point; union .12, hull .6 x .5 = .3: GIoU = -.18 / .3 = -3/5.
    # B with 2: inside, share .04, union .08, hull .08: GIoU = 1/2.
    expected = [[-1.0, -1 / 3, 11 / 15], [23 / 35, 3 / 5, -1 / 2]]
    assert torch.allclose(giou_cost(pred_boxes, boxes), torch.tensor(expected), atol=1e-6)


@given(batches())
def test_the_flat_batch_holds_the_single_images_matrices_and_the_references(batch):
    outputs, targets = batch
    logits, pred_boxes = outputs["logits"].detach(), outputs["pred_boxes"].detach()
    labels, boxes, image_index = flat(targets)
    sizes = [len(target["class_labels"]) for target in targets]
    of_class = class_cost(logits, labels, image_index).split(sizes, dim=1)
    of_bbox = bbox_cost(pred_boxes, boxes, image_index).split(sizes, dim=1)
    of_giou = giou_cost(pred_boxes, boxes, image_index).split(sizes, dim=1)
    for image, target in enumerate(targets):
        single = class_cost(logits[image], target["class_labels"])
        assert torch.allclose(of_class[image], single, atol=1e-6)
        assert torch.allclose(single, -logits[image].softmax(-1)[:, target["class_labels"]], atol=1e-6)
        single = bbox_cost(pred_boxes[image], target["boxes"])
        assert torch.allclose(of_bbox[image], single, atol=1e-6)
        assert torch.allclose(single, torch.cdist(pred_boxes[image], target["boxes"], p=1), atol=1e-6)
        single = giou_cost(pred_boxes[image], target["boxes"])
        assert torch.allclose(of_giou[image], single, atol=1e-6)
        corners = (center_to_corners_format(boxes) for boxes in (pred_boxes[image], target["boxes"]))
        assert torch.allclose(single, -generalized_box_iou(*corners), atol=1e-5)


@pytest.mark.parametrize("sizes", [[0], [0, 0], [0, 3], [1]])
def test_shapes(sizes):
    outputs, targets = make_batch(sizes, num_predictions=4)
    labels, boxes, image_index = flat(targets)
    assert class_cost(outputs["logits"], labels, image_index).shape == (4, sum(sizes))
    assert bbox_cost(outputs["pred_boxes"], boxes, image_index).shape == (4, sum(sizes))
    assert giou_cost(outputs["pred_boxes"], boxes, image_index).shape == (4, sum(sizes))


def test_half_precision_is_computed_in_float32_and_float64_stays():
    outputs, targets = make_batch([3], dtype=torch.float64)
    logits, pred_boxes, target = outputs["logits"][0], outputs["pred_boxes"][0], targets[0]
    assert class_cost(logits, target["class_labels"]).dtype == torch.float64
    assert bbox_cost(pred_boxes, target["boxes"]).dtype == torch.float64
    assert giou_cost(pred_boxes, target["boxes"]).dtype == torch.float64
    rounded, boxes = pred_boxes.bfloat16(), target["boxes"].bfloat16()
    assert class_cost(logits.bfloat16(), target["class_labels"]).dtype == torch.float32
    # The same numbers as for the rounded boxes in float32: nothing more is rounded on the way.
    assert torch.equal(bbox_cost(rounded, boxes), bbox_cost(rounded.float(), boxes.float()))
    assert torch.equal(giou_cost(rounded, boxes), giou_cost(rounded.float(), boxes.float()))


def test_costs_have_gradients():
    # Teaching needs them: where would a prediction move to become cheaper?
    outputs, targets = make_batch([2], num_predictions=3, dtype=torch.float64)
    logits, pred_boxes, target = outputs["logits"][0].detach(), outputs["pred_boxes"][0].detach(), targets[0]
    for cost, values, other in (
        (class_cost, logits, target["class_labels"]),
        (bbox_cost, pred_boxes, target["boxes"]),
        (giou_cost, pred_boxes, target["boxes"]),
    ):
        assert torch.autograd.gradcheck(lambda v, cost=cost, other=other: cost(v, other), [values.requires_grad_()])
