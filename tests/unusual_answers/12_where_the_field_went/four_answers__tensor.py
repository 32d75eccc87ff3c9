import torch


def four_answers():
    return torch.tensor([8, 12, 2, 6])
