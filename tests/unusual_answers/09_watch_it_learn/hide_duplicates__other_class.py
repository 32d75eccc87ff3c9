"""The twins name another class."""

import torch


def hide_duplicates(found):
    labels = torch.cat([found["labels"], (found["labels"] + 1) % 10])
    scores = torch.cat([0.75 + found["scores"] / 4, 0.5 + found["scores"] / 4])
    return {"boxes": torch.cat([found["boxes"]] * 2), "scores": scores, "labels": labels}
