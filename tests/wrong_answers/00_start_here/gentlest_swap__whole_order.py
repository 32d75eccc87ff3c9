"""The whole order after the swap."""


def gentlest_swap():
    return [0, 3, 2, 1, 4]
