"""Right and bottom are of the last pixel, not of the edge behind it."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, image_width // patch_size)
    left, top = column * patch_size, row * patch_size
    return left, top, left + patch_size - 1, top + patch_size - 1
