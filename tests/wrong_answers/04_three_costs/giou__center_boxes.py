"""Takes corner boxes for center boxes."""

from helpers import center_to_corners, generalized_box_iou


def giou(boxes1, boxes2):
    return generalized_box_iou(center_to_corners(boxes1), center_to_corners(boxes2))
