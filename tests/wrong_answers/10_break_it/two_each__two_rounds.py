# A match, and another among the guesses that are left.
import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    first, targets = linear_sum_assignment(cost)
    left = np.setdiff1d(np.arange(len(cost)), first)
    second, more = linear_sum_assignment(cost[left])
    return np.concatenate([first, left[second]]), np.concatenate([targets, more])
