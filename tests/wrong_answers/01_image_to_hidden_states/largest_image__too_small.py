"""It fits, and so would more."""


def largest_image():
    return 448
