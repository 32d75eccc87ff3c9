import torch
from torch.nn import functional as F

from helpers import HungarianMatcher, center_to_corners, generalized_box_iou


def set_loss(outputs, targets, eos_coef=1.0):
    pairs = HungarianMatcher()(outputs, targets)
    classes = torch.full(outputs["logits"].shape[:2], outputs["logits"].shape[-1] - 1)
    l1 = giou = 0
    for image, (tokens, order) in enumerate(pairs):
        classes[image, tokens] = targets[image]["class_labels"][order]
        guess, truth = outputs["pred_boxes"][image, tokens], targets[image]["boxes"][order]
        l1 = l1 + (guess - truth).abs().sum()
        giou = giou + (1 - generalized_box_iou(center_to_corners(guess), center_to_corners(truth))).sum()
    weight = torch.ones(outputs["logits"].shape[-1])
    weight[-1] = eos_coef
    num_boxes = torch.tensor(sum(len(target["boxes"]) for target in targets))
    return F.cross_entropy(outputs["logits"].transpose(1, 2), classes, weight) + (5 * l1 + 2 * giou) / num_boxes
