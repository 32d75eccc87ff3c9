"""Found by search, as a tensor of one number."""

import torch


def largest_image():
    sides = torch.arange(16, 1000, 16)
    return sides[1 + (sides // 16) ** 2 + 100 <= 1000].max()
