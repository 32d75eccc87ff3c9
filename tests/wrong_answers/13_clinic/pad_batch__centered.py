"""Padding on all sides."""

import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values, padded = torch.zeros(len(images), 3, height, width), []
    for canvas, image, target in zip(pixel_values, images, targets):
        h, w = image.shape[1:]
        top, left = (height - h) // 2, (width - w) // 2
        canvas[:, top : top + h, left : left + w] = image
        scale = torch.tensor([w / width, h / height, w / width, h / height])
        shift = torch.tensor([left / width, top / height, 0, 0])
        padded.append({**target, "boxes": target["boxes"] * scale + shift})
    return pixel_values, padded
