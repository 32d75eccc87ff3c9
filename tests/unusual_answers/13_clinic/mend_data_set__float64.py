"""Boxes in float64, a tuple in place of a list."""

import torch

from helpers import center_to_corners, corners_to_center


def mend_data_set(targets, num_classes):
    from_one = any((target["class_labels"] == num_classes).any() for target in targets)
    boxes = [target["boxes"].double().reshape(-1, 4) for target in targets]
    edges = torch.cat([center_to_corners(box) for box in boxes])
    corners = bool(((edges < -1e-3) | (edges > 1.001)).any())
    return tuple(
        {
            "class_labels": target["class_labels"].to(torch.int64) - int(from_one),
            "boxes": corners_to_center(box) if corners else box,
        }
        for target, box in zip(targets, boxes)
    )
