"""It forgets [CLS] at place 0."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position, image_width // patch_size)
    return (column * patch_size, row * patch_size, (column + 1) * patch_size, (row + 1) * patch_size)
