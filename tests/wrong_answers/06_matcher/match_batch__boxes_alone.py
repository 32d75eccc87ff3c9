"""The class plays no part."""

from scipy.optimize import linear_sum_assignment

from helpers import bbox_cost, giou_cost


def match_batch(outputs, targets):
    pairs = []
    for pred_boxes, target in zip(outputs["pred_boxes"], targets):
        boxes = target["boxes"]
        total = 5 * bbox_cost(pred_boxes, boxes) + 2 * giou_cost(pred_boxes, boxes)
        pairs.append(linear_sum_assignment(total))
    return pairs
