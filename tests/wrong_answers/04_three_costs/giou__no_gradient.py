"""Right numbers that no box can follow."""

import torch

from helpers import generalized_box_iou


@torch.no_grad()
def giou(boxes1, boxes2):
    return generalized_box_iou(boxes1, boxes2)
