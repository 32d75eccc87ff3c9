"""Divides where it should multiply."""

import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values, padded = torch.zeros(len(images), 3, height, width), []
    for canvas, image, target in zip(pixel_values, images, targets):
        h, w = image.shape[1:]
        canvas[:, :h, :w] = image
        scale = torch.tensor([width / w, height / h, width / w, height / h])
        padded.append({**target, "boxes": target["boxes"] * scale})
    return pixel_values, padded
