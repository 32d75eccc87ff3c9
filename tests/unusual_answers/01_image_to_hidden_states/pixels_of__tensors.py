"""Four tensors of one number."""

import torch


def pixels_of(position, image_width, patch_size):
    place = torch.tensor(position - 1)
    row = torch.div(place, image_width // patch_size, rounding_mode="floor")
    column = place.remainder(image_width // patch_size)
    return column * patch_size, row * patch_size, (column + 1) * patch_size, (row + 1) * patch_size
