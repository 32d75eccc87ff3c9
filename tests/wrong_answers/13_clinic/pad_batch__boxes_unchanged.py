import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values = torch.zeros(len(images), 3, height, width)
    for canvas, image in zip(pixel_values, images):
        canvas[:, : image.shape[1], : image.shape[2]] = image
    return pixel_values, targets
