"""COCO's format."""


def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, image_width // patch_size)
    return column * patch_size, row * patch_size, patch_size, patch_size
