"""A sentinel of NaN."""


def trap_for_the_solver():
    nan = float("nan")
    return [[nan, 6.0], [nan, 2.0]], nan
