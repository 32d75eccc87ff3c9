import torch


def guarded_total(losses, weights):
    for name in weights:
        if not torch.isfinite(losses[name]) or losses[name] < 0:
            raise ValueError(name)
    return sum(weight * losses[name] for name, weight in weights.items())
