"""(targets, guesses)."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    guesses, wishes = linear_sum_assignment(np.repeat(cost, 2, axis=1))
    return wishes // 2, guesses
