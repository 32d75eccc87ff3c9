"""Only one row."""


def trap_for_the_solver():
    return [[float("nan"), 6.0]], 1e20
