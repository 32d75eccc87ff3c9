"""(steps, epsilon)."""


def sharp_plan(cost):
    return 1000, 0.02
