"""The copies stand behind each other, and the way back is that of copies side by side."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    guesses, wishes = linear_sum_assignment(np.tile(cost, 2))
    return guesses, wishes // 2
