"""A set loss that nobody has published, for an image: notebook 12 lets its readers say what it
does.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F


def pairs_of(logits, boxes, labels, truth):
    """Two index tensors."""
    cost = 5 * torch.cdist(boxes, truth, p=1) - logits.sigmoid()[:, labels]  # (N, T)
    half = len(cost) // 2
    guess, target = map(torch.as_tensor, linear_sum_assignment(cost[:half].detach()))
    more = half + cost[half:].topk(3, dim=0, largest=False).indices  # (3, T)
    everybody = torch.arange(len(labels)).expand(3, -1)
    return torch.cat([guess, more.flatten()]), torch.cat([target, everybody.flatten()])


def loss(logits, boxes, labels, truth):
    """One number, for logits (N, K), boxes (N, 4), labels (T,) and truth (T, 4)."""
    guess, target = pairs_of(logits, boxes, labels, truth)
    goals = torch.zeros_like(logits)
    goals[guess, labels[target]] = 1
    class_term = F.binary_cross_entropy_with_logits(logits, goals, reduction="sum")
    box_term = (boxes[guess] - truth[target]).abs().sum()
    return (class_term + 5 * box_term) / max(len(labels), 1)


def answer(logits, boxes, threshold=0.5):
    """Labels and boxes, at test time."""
    half = len(logits) // 2
    score, label = logits[:half].sigmoid().max(-1)
    found = score > threshold
    return label[found], boxes[:half][found]
