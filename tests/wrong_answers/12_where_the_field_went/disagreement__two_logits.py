"""No object is forgotten."""


def disagreement():
    return [[0.0, -9.0], [3.0, 3.5]]
