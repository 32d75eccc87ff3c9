"""True where it is forbidden."""

import torch


def who_reads(length, num_tokens):
    readable = torch.eye(length, dtype=torch.bool)
    readable[:, : length - num_tokens] = True
    return ~readable
