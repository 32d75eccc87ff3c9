"""A tensor of whole numbers."""

import torch


def disagreement():
    return torch.tensor([[0, -9, -9], [3, 4, -9]])
