"""All in NumPy, with lists of indices."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers import center_to_corners, generalized_box_iou


def match_batch(outputs, targets):
    pairs = []
    for logits, boxes, target in zip(outputs["logits"].detach(), outputs["pred_boxes"].detach(), targets):
        p = np.exp(logits.double().numpy())
        p /= p.sum(-1, keepdims=True)
        l1 = np.abs(boxes[:, None].double().numpy() - target["boxes"][None].double().numpy()).sum(-1)
        giou = generalized_box_iou(center_to_corners(boxes)[:, None], center_to_corners(target["boxes"])[None]).numpy()
        rows, columns = linear_sum_assignment(5 * l1 - 2 * giou - p[:, target["class_labels"].numpy()])
        pairs.append([rows.tolist(), columns.tolist()])
    return pairs
