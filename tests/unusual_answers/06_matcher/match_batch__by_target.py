"""Each pair in the order of the targets, as NumPy's arrays."""

import torch
from scipy.optimize import linear_sum_assignment

from helpers import bbox_cost, class_cost, giou_cost


@torch.no_grad()
def match_batch(outputs, targets):
    answer = []
    for image, target in enumerate(targets):
        logits, boxes = outputs["logits"][image], outputs["pred_boxes"][image]
        total = class_cost(logits, target["class_labels"])
        total += 5 * bbox_cost(boxes, target["boxes"]) + 2 * giou_cost(boxes, target["boxes"])
        target_index, prediction_index = linear_sum_assignment(total.T.numpy())
        answer.append((prediction_index, target_index))
    return tuple(answer)
