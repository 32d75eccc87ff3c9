"""Both sides at once, with broadcasting."""

import torch


def giou(boxes1, boxes2):
    inner = torch.minimum(boxes1[..., 2:], boxes2[..., 2:]) - torch.maximum(boxes1[..., :2], boxes2[..., :2])
    outer = torch.maximum(boxes1[..., 2:], boxes2[..., 2:]) - torch.minimum(boxes1[..., :2], boxes2[..., :2])
    intersection, hull = inner.relu().prod(-1), outer.prod(-1)
    union = (boxes1[..., 2:] - boxes1[..., :2]).prod(-1) + (boxes2[..., 2:] - boxes2[..., :2]).prod(-1) - intersection
    return intersection / union + union / hull - 1
