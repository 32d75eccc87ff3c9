"""Infinity is not NaN, and not below zero."""


def guarded_total(losses, weights):
    total = 0
    for name, value in losses.items():
        weight = weights.get(name.rstrip("_0123456789"), 0)
        if weight and not value >= 0:
            raise ValueError(name)
        total = total + weight * value if weight else total
    return total
