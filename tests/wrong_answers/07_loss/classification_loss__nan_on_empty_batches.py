"""Weights whose sum is that of the objects' classes: NaN where there are none."""

import torch
from torch.nn import functional as F


def classification_loss(logits, targets, pairs, eos_coef):
    total, weights, objects = 0, 0, 0
    for image, (tokens, order) in enumerate(pairs):
        classes = torch.full(logits.shape[1:2], logits.shape[-1] - 1)
        classes[tokens] = targets[image]["class_labels"][order]
        weight = torch.where(classes < logits.shape[-1] - 1, 1.0, eos_coef)
        total = total + (weight * F.cross_entropy(logits[image], classes, reduction="none")).sum()
        weights, objects = weights + weight.sum(), objects + len(tokens)
    return total / weights * objects / objects
