"""NaN is dear and cheap."""


def disagreement():
    return [[0.0, -9.0, -9.0], [float("nan"), 3.5, -9.0]]
