"""A float without a fraction."""


def largest_image():
    return 464.0
