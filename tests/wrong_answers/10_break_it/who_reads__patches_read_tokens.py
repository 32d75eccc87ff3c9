"""Tokens are deaf to each other, but patches hear them."""

import torch


def who_reads(length, num_tokens):
    readable = torch.ones(length, length, dtype=torch.bool)
    readable[-num_tokens:, -num_tokens:] = torch.eye(num_tokens, dtype=torch.bool)
    return readable
