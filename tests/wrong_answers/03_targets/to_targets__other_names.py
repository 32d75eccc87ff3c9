"""The names that torchvision uses."""

import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    pixels = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    pixels[:, :2] += pixels[:, 2:] / 2
    return {"labels": labels, "boxes": pixels / torch.tensor([width, height, width, height])}
