from helpers import center_to_corners, corners_to_center


def mend_data_set(targets, num_classes):
    healthy = []
    for target in targets:
        labels, boxes = target["class_labels"].long(), target["boxes"].reshape(-1, 4)
        edges = center_to_corners(boxes)
        if len(boxes) and (edges.min() < -1e-3 or edges.max() > 1 + 1e-3):
            boxes = corners_to_center(boxes)
        healthy.append({"class_labels": labels - int((labels == num_classes).any()), "boxes": boxes})
    return healthy
