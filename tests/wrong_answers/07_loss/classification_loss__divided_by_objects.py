"""Divided by the objects."""

import torch
from torch.nn import functional as F


def classification_loss(logits, targets, pairs, eos_coef):
    K = logits.shape[-1] - 1
    classes = torch.full(logits.shape[:2], K)
    for image, (tokens, order) in enumerate(pairs):
        classes[image, tokens] = targets[image]["class_labels"][order]
    weight = torch.ones(K + 1)
    weight[K] = eos_coef
    return F.cross_entropy(logits.transpose(1, 2), classes, weight, reduction="sum") / (classes != K).sum()
