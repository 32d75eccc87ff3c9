import torch


def pad_batch(images, targets):
    side = max(max(image.shape[1:]) for image in images)
    pixel_values, padded = torch.zeros(len(images), 3, side, side), []
    for canvas, image, target in zip(pixel_values, images, targets):
        h, w = image.shape[1:]
        canvas[:, :h, :w] = image
        padded.append({**target, "boxes": target["boxes"] * torch.tensor([w / side, h / side] * 2)})
    return pixel_values, padded
