"""An additive mask, as some attention functions take it."""

import torch


def who_reads(length, num_tokens):
    readable = torch.eye(length, dtype=torch.bool)
    readable[:, : length - num_tokens] = True
    return torch.where(readable, 0.0, float("-inf"))
