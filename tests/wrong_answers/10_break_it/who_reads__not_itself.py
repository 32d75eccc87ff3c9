"""A token does not even read itself."""

import torch


def who_reads(length, num_tokens):
    readable = torch.zeros(length, length, dtype=torch.bool)
    readable[:, : length - num_tokens] = True
    return readable
