# Twins whose scores are too low to count.
import torch


def hide_duplicates(found):
    twice = {name: torch.cat([values, values]) for name, values in found.items()}
    return {**twice, "scores": torch.cat([found["scores"], found["scores"] * 0.1])}
