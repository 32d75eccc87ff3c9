"""What neither covers is the hull without the union, not without the intersection."""

import torch


def giou(boxes1, boxes2):
    sides = torch.minimum(boxes1[..., 2:], boxes2[..., 2:]) - torch.maximum(boxes1[..., :2], boxes2[..., :2])
    intersection = sides.clamp(min=0).prod(-1)
    union = (boxes1[..., 2:] - boxes1[..., :2]).prod(-1) + (boxes2[..., 2:] - boxes2[..., :2]).prod(-1) - intersection
    outer = torch.maximum(boxes1[..., 2:], boxes2[..., 2:]) - torch.minimum(boxes1[..., :2], boxes2[..., :2])
    hull = outer.prod(-1)
    return intersection / union - (hull - intersection) / hull
