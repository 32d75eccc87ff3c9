"""The middle of the patch."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, image_width // patch_size)
    return (column + 0.5) * patch_size, (row + 0.5) * patch_size
