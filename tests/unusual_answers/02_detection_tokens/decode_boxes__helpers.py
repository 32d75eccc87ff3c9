"""With what the module has, in float64."""

import torch

from helpers import center_to_corners


def decode_boxes(pred_boxes, width, height):
    return center_to_corners(pred_boxes.double()) * torch.tensor([width, height, width, height]).double()
