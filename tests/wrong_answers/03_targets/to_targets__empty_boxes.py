import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    boxes = [[x + w / 2, y + h / 2, w, h] for x, y, w, h in (thing["bbox"] for thing in things)]
    boxes = [[x / width, y / height, w / width, h / height] for x, y, w, h in boxes]
    return {"class_labels": labels, "boxes": torch.tensor(boxes)}
