"""The first places are muted, not the last."""

import torch


def who_reads(length, num_tokens):
    readable = torch.eye(length, dtype=torch.bool)
    readable[:, num_tokens:] = True
    return readable
