"""As many patches as fit, and no room for the detection tokens."""


def largest_image():
    return 496
