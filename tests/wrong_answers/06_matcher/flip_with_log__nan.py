"""NaN decides nothing."""


def flip_with_log():
    return [float("nan"), 0.2], [[0.52, 0.49, 0.3, 0.3], [0.61, 0.56, 0.3, 0.3]]
