import torch


def guarded_total(losses, weights):
    return sum(
        weights.get(name.rstrip("_0123456789"), 0) * torch.nan_to_num(value).clamp(min=0)
        for name, value in losses.items()
    )
