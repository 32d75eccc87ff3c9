"""It goes down the columns."""


def pixels_of(position, image_width, patch_size):
    column, row = divmod(position - 1, image_width // patch_size)
    return (column * patch_size, row * patch_size, (column + 1) * patch_size, (row + 1) * patch_size)
