"""Rows and columns of patches."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, image_width // patch_size)
    return column, row, column + 1, row + 1
