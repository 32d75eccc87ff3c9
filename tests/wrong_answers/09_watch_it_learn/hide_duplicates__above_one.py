# Scores above 1.
import torch


def hide_duplicates(found):
    twice = {name: torch.cat([values, values]) for name, values in found.items()}
    return {**twice, "scores": torch.cat([found["scores"] + 1, found["scores"]])}
