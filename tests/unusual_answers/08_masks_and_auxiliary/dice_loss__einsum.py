"""A product of rows."""

import torch


def dice_loss(mask_logits, ink):
    probability = 1 / (1 + torch.exp(-mask_logits))
    overlap = torch.einsum("mp,mp->m", probability, ink)
    both = (probability + ink).sum(-1)
    return (both - 2 * overlap) / (both + 1)
