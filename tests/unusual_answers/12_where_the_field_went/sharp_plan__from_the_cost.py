"""Epsilon in scale with the costs, in place."""


def sharp_plan(cost):
    cost -= cost.min()
    return cost.max() / 1500, 1900
