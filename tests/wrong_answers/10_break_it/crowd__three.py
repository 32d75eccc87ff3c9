"""Three objects."""


def crowd():
    return [[30, 30, 90, 90], [42, 34, 102, 94], [36, 32, 96, 92]]
