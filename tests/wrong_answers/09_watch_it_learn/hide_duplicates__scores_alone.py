"""Twice the scores, once the boxes."""

import torch


def hide_duplicates(found):
    return {**found, "scores": torch.cat([0.75 + found["scores"] / 4, 0.5 + found["scores"] / 4])}
