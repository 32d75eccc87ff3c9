"""The center taken for the upper left corner."""

import torch


def decode_boxes(pred_boxes, width, height):
    x, y, w, h = pred_boxes.unbind(-1)
    return torch.stack((x * width, y * height, (x + w) * width, (y + h) * height), dim=-1)
