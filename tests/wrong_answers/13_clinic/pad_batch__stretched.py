import torch


def pad_batch(images, targets):
    size = tuple(max(image.shape[side] for image in images) for side in (1, 2))
    stretched = [torch.nn.functional.interpolate(image[None], size=size, mode="bilinear") for image in images]
    return torch.cat(stretched), targets
