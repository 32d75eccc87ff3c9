"""The larger position first."""


def gentlest_swap():
    return (3, 1)
