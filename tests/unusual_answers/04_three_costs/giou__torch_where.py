"""Asks whether the boxes touch."""

import torch


def giou(boxes1, boxes2):
    left, top = (torch.maximum(boxes1[..., side], boxes2[..., side]) for side in (0, 1))
    right, bottom = (torch.minimum(boxes1[..., side], boxes2[..., side]) for side in (2, 3))
    touch = (left < right) & (top < bottom)
    shared = torch.where(touch, (right - left) * (bottom - top), 0)
    union = sum((box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (boxes1, boxes2)) - shared
    corners = torch.stack(torch.broadcast_tensors(boxes1, boxes2))
    low, high = corners[..., :2].amin(0), corners[..., 2:].amax(0)
    hull = (high - low).prod(-1)
    return shared / union - (hull - union) / hull
