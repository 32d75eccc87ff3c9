"""So small an epsilon that 2,000 steps do not settle it."""


def sharp_plan(cost):
    return 0.0005, 2000
