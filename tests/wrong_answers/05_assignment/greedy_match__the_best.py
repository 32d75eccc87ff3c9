# SciPy's answer: the best match, not the greedy one.
from scipy.optimize import linear_sum_assignment


def greedy_match(cost):
    return sorted(zip(*linear_sum_assignment(cost)), key=lambda pair: cost[pair])
