"""It knows one image only."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, 8)
    return (column * patch_size, row * patch_size, (column + 1) * patch_size, (row + 1) * patch_size)
