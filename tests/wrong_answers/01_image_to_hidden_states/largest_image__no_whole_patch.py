"""The root of what is left, times 16."""


def largest_image():
    return 16 * 899**0.5
