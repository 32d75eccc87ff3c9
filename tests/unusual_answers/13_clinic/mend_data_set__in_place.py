"""Mends the dicts that it was given."""

import torch


def mend_data_set(targets, num_classes):
    for target in targets:
        target["boxes"] = target["boxes"].reshape(-1, 4)
        target["class_labels"] = target["class_labels"].long()
    boxes = torch.cat([target["boxes"] for target in targets])
    if any(num_classes in target["class_labels"].tolist() for target in targets):
        for target in targets:
            target["class_labels"] -= 1
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    if low.min() < -1e-3 or high.max() > 1 + 1e-3:
        for target in targets:
            left_top, right_bottom = target["boxes"][:, :2].clone(), target["boxes"][:, 2:].clone()
            target["boxes"][:, :2] = (left_top + right_bottom) / 2
            target["boxes"][:, 2:] = right_bottom - left_top
    return targets
