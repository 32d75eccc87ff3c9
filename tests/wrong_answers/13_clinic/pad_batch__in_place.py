import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values = torch.zeros(len(images), 3, height, width)
    for canvas, image, target in zip(pixel_values, images, targets):
        h, w = image.shape[1:]
        canvas[:, :h, :w] = image
        target["boxes"] *= torch.tensor([w / width, h / height] * 2)
    return pixel_values, targets
