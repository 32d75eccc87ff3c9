"""Labels in float32."""

import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    pixels = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    pixels[:, :2] += pixels[:, 2:] / 2
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.float32)
    return {"class_labels": labels, "boxes": pixels / torch.tensor([width, height, width, height])}
