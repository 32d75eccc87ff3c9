"""Maximises."""

from scipy.optimize import linear_sum_assignment

from helpers import bbox_cost, class_cost, giou_cost


def match_batch(outputs, targets):
    pairs = []
    for logits, pred_boxes, target in zip(outputs["logits"], outputs["pred_boxes"], targets):
        labels, boxes = target["class_labels"], target["boxes"]
        total = class_cost(logits, labels) + 5 * bbox_cost(pred_boxes, boxes) + 2 * giou_cost(pred_boxes, boxes)
        pairs.append(linear_sum_assignment(total, maximize=True))
    return pairs
