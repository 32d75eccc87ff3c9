"""A float64 tensor of three rows, and a tensor of one number."""

import torch


def trap_for_the_solver():
    nan = torch.nan
    cost = torch.tensor([[nan, 5.0, 1.0], [nan, 1.0, 5.0], [nan, 2.0, 2.0]], dtype=torch.float64)
    return cost.flip(0), torch.tensor(1e25)
