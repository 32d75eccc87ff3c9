"""A box of NaN."""


def flip_with_log():
    return [0.001, 0.2], [[float("nan"), 0.49, 0.3, 0.3], [0.61, 0.56, 0.3, 0.3]]
