"""Tensors, in float64."""

import torch


def flip_with_log():
    boxes = torch.tensor([[0.5, 0.5, 0.3, 0.3], [0.62, 0.5, 0.3, 0.3]], dtype=torch.float64)
    return torch.tensor([0.001, 0.3], dtype=torch.float64), boxes
