"""All pairs of all images joined first, in float64."""

import torch
from torch.nn import functional as F

from helpers import HungarianMatcher, center_to_corners, generalized_box_iou


def set_loss(outputs, targets, eos_coef=1.0):
    pairs = HungarianMatcher()(outputs, targets)
    logits, boxes = outputs["logits"].double(), outputs["pred_boxes"].double()
    image = torch.cat([torch.full_like(tokens, place) for place, (tokens, _) in enumerate(pairs)])
    token = torch.cat([tokens for tokens, _ in pairs])
    labels, truth = (
        torch.cat([target[name][order] for target, (_, order) in zip(targets, pairs)])
        for name in ("class_labels", "boxes")
    )
    classes = torch.full(logits.shape[:2], logits.shape[-1] - 1)
    classes[image, token] = labels
    weight = torch.ones(logits.shape[-1], dtype=torch.float64)
    weight[-1] = eos_coef
    guess, count = boxes[image, token], max(len(labels), 1)
    loss = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), weight)
    loss += 5 * F.l1_loss(guess, truth.double(), reduction="sum") / count
    return (
        loss + 2 * (1 - generalized_box_iou(center_to_corners(guess), center_to_corners(truth.double()))).sum() / count
    )
