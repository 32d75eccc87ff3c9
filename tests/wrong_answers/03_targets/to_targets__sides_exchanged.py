"""x is divided by the height."""

import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    pixels = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    pixels[:, :2] += pixels[:, 2:] / 2
    return {"class_labels": labels, "boxes": pixels / torch.tensor([height, width, height, width])}
