"""0.948, not 0.95; more steps do not help."""


def sharp_plan(cost):
    return 0.04, 2000
