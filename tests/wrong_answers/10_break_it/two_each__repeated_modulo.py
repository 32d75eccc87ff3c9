"""The copies stand side by side, and the way back is that of copies behind each other."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    guesses, wishes = linear_sum_assignment(np.repeat(cost, 2, axis=1))
    return guesses, wishes % cost.shape[1]
