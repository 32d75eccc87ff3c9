"""Fills tensors of zeros, in a defaultdict."""

from collections import defaultdict

import torch


def to_targets(annotation, width, height):
    count = len(annotation["annotations"])
    target = defaultdict(list)
    target["class_labels"], target["boxes"] = torch.zeros(count, dtype=torch.int64), torch.zeros(count, 4)
    for row, thing in enumerate(annotation["annotations"]):
        left, top, w, h = thing["bbox"]
        target["class_labels"][row] = thing["category_id"]
        target["boxes"][row] = torch.tensor([left + w / 2, top + h / 2, w, h])
    target["boxes"] /= torch.tensor([width, height] * 2)
    return target
