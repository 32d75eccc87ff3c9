"""Makes all pairs by itself: right for two lists, wrong for what broadcasts."""

from helpers import generalized_box_iou


def giou(boxes1, boxes2):
    return generalized_box_iou(boxes1.reshape(-1, 1, 4), boxes2.reshape(1, -1, 4))
