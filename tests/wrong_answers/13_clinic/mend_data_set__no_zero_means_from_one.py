import torch

from helpers import center_to_corners, corners_to_center


def mend_data_set(targets, num_classes):
    labels = [target["class_labels"].long() for target in targets]
    boxes = [target["boxes"].reshape(-1, 4) for target in targets]
    from_one = int(torch.cat(labels).min() > 0)
    edges = center_to_corners(torch.cat(boxes))
    if edges.min() < -1e-3 or edges.max() > 1 + 1e-3:
        boxes = [corners_to_center(box) for box in boxes]
    return [{"class_labels": label - from_one, "boxes": box} for label, box in zip(labels, boxes)]
