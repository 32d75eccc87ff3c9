"""The copies stand behind each other, and stay copies."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def two_each(cost):
    return linear_sum_assignment(np.hstack([cost, cost]))
