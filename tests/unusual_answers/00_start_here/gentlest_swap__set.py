"""A swap has no order: a set."""


def gentlest_swap():
    return {1, 3}
