"""An alarm that says nothing."""

import torch


def guarded_total(losses, weights):
    total = 0
    for name, value in losses.items():
        weight = weights.get(name.rstrip("_0123456789"), 0)
        if weight and not (torch.isfinite(value) and value >= 0):
            raise ValueError
        total = total + weight * value if weight else total
    return total
