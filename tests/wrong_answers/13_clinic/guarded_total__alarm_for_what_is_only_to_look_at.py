"""Checks every term, also those without a weight."""

import torch


def guarded_total(losses, weights):
    total = 0
    for name, value in losses.items():
        if not torch.isfinite(value) or value < 0:
            raise ValueError(name)
        total = total + weights.get(name.rstrip("_0123456789"), 0) * value
    return total
