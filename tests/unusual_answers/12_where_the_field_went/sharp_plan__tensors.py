"""Two tensors of one number."""

import torch


def sharp_plan(cost):
    return torch.tensor(0.02), torch.tensor(1000)
