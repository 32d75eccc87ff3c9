"""Deep copies first; a tuple of dicts, pixels in float64."""

import copy

import torch


def pad_batch(images, targets):
    targets = copy.deepcopy(targets)
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    canvas = torch.zeros(len(images), 3, height, width, dtype=torch.float64)
    for place, (image, target) in enumerate(zip(images, targets)):
        canvas[place, :, : image.shape[1], : image.shape[2]] = image
        target["boxes"][:, 0::2] *= image.shape[2] / width
        target["boxes"][:, 1::2] *= image.shape[1] / height
    return canvas, tuple(targets)
