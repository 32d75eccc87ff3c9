"""No whole number of steps."""


def sharp_plan(cost):
    return 0.02, 999.5
