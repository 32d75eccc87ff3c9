import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    boxes = torch.tensor([thing["bbox"] for thing in things]).reshape(-1, 4)
    return {"class_labels": labels, "boxes": boxes / torch.tensor([width, height, width, height])}
