import torch


def pad_batch(images, targets):
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    pixel_values, padded = torch.zeros(len(images), 3, height, width), []
    for canvas, image, target in zip(pixel_values, images, targets):
        h, w = image.shape[1:]
        canvas[:, :h, :w] = image
        padded.append({**target, "boxes": target["boxes"] * torch.tensor([h / height, w / width] * 2)})
    return pixel_values, padded
