"""A number of steps as a float without a fraction."""


def sharp_plan(cost):
    return [0.02, 1e3]
