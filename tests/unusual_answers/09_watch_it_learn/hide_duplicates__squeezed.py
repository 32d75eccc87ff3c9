"""Ranks the originals in the upper half and the twins in the lower, in float64, in place."""

import torch


def hide_duplicates(found):
    scores = found["scores"].double()
    found["scores"] = torch.cat([0.8 + scores / 10, 0.55 + scores / 10])
    for name in ("boxes", "labels"):
        found[name] = found[name].repeat(2, *[1] * (found[name].ndim - 1))
    return found
