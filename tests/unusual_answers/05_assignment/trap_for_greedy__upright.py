"""The same trap upright, in float64 tensors."""

import torch


def trap_for_greedy():
    street = torch.tensor([[0.5, 0.10, 0.2, 0.2], [0.5, 0.61, 0.2, 0.2]], dtype=torch.float64)
    return street, torch.tensor([[0.5, 0.36, 0.2, 0.2], [0.5, 0.88, 0.2, 0.2]], dtype=torch.float64)
