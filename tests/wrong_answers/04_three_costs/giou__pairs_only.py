import torch


def giou(boxes1, boxes2):
    sides = torch.minimum(boxes1[2:], boxes2[2:]) - torch.maximum(boxes1[:2], boxes2[:2])
    intersection = sides.clamp(min=0).prod()
    union = (boxes1[2:] - boxes1[:2]).prod() + (boxes2[2:] - boxes2[:2]).prod() - intersection
    hull = (torch.maximum(boxes1[2:], boxes2[2:]) - torch.minimum(boxes1[:2], boxes2[:2])).prod()
    return intersection / union - (hull - union) / hull
