"""In the order of the targets, as lists; writes into the matrix."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    cost -= cost.min()
    wishes, guesses = linear_sum_assignment(np.repeat(cost.T, 2, axis=0))
    return [guesses.tolist(), [wish // 2 for wish in wishes]]
