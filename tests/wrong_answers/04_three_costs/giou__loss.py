import torch


def giou(boxes1, boxes2):
    sides = torch.minimum(boxes1[..., 2:], boxes2[..., 2:]) - torch.maximum(boxes1[..., :2], boxes2[..., :2])
    intersection = sides.clamp(min=0).prod(-1)
    areas = (boxes1[..., 2:] - boxes1[..., :2]).prod(-1) + (boxes2[..., 2:] - boxes2[..., :2]).prod(-1)
    union = areas - intersection
    hull = torch.maximum(boxes1[..., 2:], boxes2[..., 2:]) - torch.minimum(boxes1[..., :2], boxes2[..., :2])
    return 1 - intersection / union + (hull.prod(-1) - union) / hull.prod(-1)
