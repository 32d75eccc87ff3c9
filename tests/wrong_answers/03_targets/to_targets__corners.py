import torch


def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    left, top, box_width, box_height = torch.tensor([thing["bbox"] for thing in things]).float().reshape(-1, 4).T
    corners = torch.stack([left, top, left + box_width, top + box_height], dim=-1)
    return {"class_labels": labels, "boxes": corners / torch.tensor([width, height, width, height])}
