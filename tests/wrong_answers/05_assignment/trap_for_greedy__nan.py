"""NaN is no place."""


def trap_for_greedy():
    return [[float("nan"), 0.5, 0.2, 0.2], [0.61, 0.5, 0.2, 0.2]], [[0.36, 0.5, 0.2, 0.2], [0.88, 0.5, 0.2, 0.2]]
