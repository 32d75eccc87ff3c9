"""Boxes in float64."""

import torch


def to_targets(annotation, width, height):
    boxes = torch.tensor([thing["bbox"] for thing in annotation["annotations"]], dtype=torch.float64).reshape(-1, 4)
    boxes[:, :2] += boxes[:, 2:] / 2
    labels = [thing["category_id"] for thing in annotation["annotations"]]
    scale = torch.tensor([width, height, width, height])
    return {"boxes": boxes / scale, "class_labels": torch.tensor(labels).long()}
