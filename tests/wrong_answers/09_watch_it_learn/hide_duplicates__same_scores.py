# Twins that rank beside their originals.
import torch


def hide_duplicates(found):
    return {name: torch.cat([values, values]) for name, values in found.items()}
