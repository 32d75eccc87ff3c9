"""The twins stand before the originals of other scenes."""

import torch


def hide_duplicates(found):
    twice = {name: torch.cat([values, values]) for name, values in found.items()}
    return {**twice, "scores": torch.cat([found["scores"], 0.5 + found["scores"] / 2])}
