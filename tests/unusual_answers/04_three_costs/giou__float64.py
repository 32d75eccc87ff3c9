"""In float64, broadcast by hand."""

import torch


def giou(boxes1, boxes2):
    boxes1, boxes2 = torch.broadcast_tensors(boxes1.double(), boxes2.double())
    inner = torch.min(boxes1[..., 2:], boxes2[..., 2:]) - torch.max(boxes1[..., :2], boxes2[..., :2])
    hull = torch.max(boxes1[..., 2:], boxes2[..., 2:]) - torch.min(boxes1[..., :2], boxes2[..., :2])
    area = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (boxes1, boxes2)]
    shared, hull = inner.clamp(min=0).prod(-1), hull[..., 0] * hull[..., 1]
    union = sum(area) - shared
    return shared / union - (hull - union) / hull
