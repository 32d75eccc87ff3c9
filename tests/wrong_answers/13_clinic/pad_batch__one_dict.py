import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    margins = [(0, width - image.shape[2], 0, height - image.shape[1]) for image in images]
    padded = [torch.nn.functional.pad(image, margin) for image, margin in zip(images, margins)]
    return {"pixel_values": torch.stack(padded), "labels": targets}
