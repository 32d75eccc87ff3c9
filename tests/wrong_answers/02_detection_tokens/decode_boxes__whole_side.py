"""A whole width and height to each side."""

import torch


def decode_boxes(pred_boxes, width, height):
    x, y, w, h = pred_boxes.unbind(-1)
    return torch.stack(((x - w) * width, (y - h) * height, (x + w) * width, (y + h) * height), dim=-1)
