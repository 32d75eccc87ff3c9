"""The format of COCO, not corners."""

import torch


def decode_boxes(pred_boxes, width, height):
    x, y, w, h = pred_boxes.unbind(-1)
    return torch.stack(((x - w / 2) * width, (y - h / 2) * height, w * width, h * height), dim=-1)
