"""Corner boxes."""


def flip_with_log():
    return [0.001, 0.2], [[0.37, 0.34, 0.67, 0.64], [0.46, 0.41, 0.76, 0.71]]
