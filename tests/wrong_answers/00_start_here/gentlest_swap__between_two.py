"""Positions that are no whole numbers."""


def gentlest_swap():
    return (1.2, 3.7)
