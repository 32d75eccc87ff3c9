"""Fractions of the picture."""


def crowd():
    return [[0.2, 0.2, 0.7, 0.7], [0.3, 0.25, 0.8, 0.75]]
