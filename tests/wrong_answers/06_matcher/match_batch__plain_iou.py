"""IoU in place of the generalised IoU."""

from scipy.optimize import linear_sum_assignment

from helpers import bbox_cost, box_iou, center_to_corners, class_cost


def iou(guesses, boxes):
    return box_iou(center_to_corners(guesses)[:, None], center_to_corners(boxes))


def match_batch(outputs, targets):
    pairs = []
    for logits, pred_boxes, target in zip(outputs["logits"], outputs["pred_boxes"], targets):
        labels, boxes = target["class_labels"], target["boxes"]
        total = class_cost(logits, labels) + 5 * bbox_cost(pred_boxes, boxes) - 2 * iou(pred_boxes, boxes)
        pairs.append(linear_sum_assignment(total))
    return pairs
