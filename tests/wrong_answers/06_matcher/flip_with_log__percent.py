"""Percentages."""


def flip_with_log():
    return [0.1, 20], [[0.52, 0.49, 0.3, 0.3], [0.61, 0.56, 0.3, 0.3]]
