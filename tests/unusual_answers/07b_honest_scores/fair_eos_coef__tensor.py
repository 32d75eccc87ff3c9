"""A tensor of one number."""

import torch


def fair_eos_coef(num_predictions, num_targets):
    return torch.tensor(num_targets) / (num_predictions - num_targets)
