"""Weighs with 0 what has no weight: 0 times NaN is NaN."""

import torch


def guarded_total(losses, weights):
    total = 0
    for name, value in losses.items():
        weight = weights.get(name.rstrip("_0123456789"), 0)
        if weight and not (torch.isfinite(value) and value >= 0):
            raise ValueError(name)
        total = total + weight * value
    return total
