"""Four rows of N numbers."""

import torch


def decode_boxes(pred_boxes, width, height):
    x, y, w, h = pred_boxes.unbind(-1)
    return torch.stack(((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height))
