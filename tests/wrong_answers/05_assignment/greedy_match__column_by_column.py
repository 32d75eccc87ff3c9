# The targets are served in their order.
import numpy as np


def greedy_match(cost):
    left, pairs = cost.copy(), []
    for column in range(min(cost.shape)):
        row = left[:, column].argmin()
        pairs.append((row, column))
        left[row] = np.inf
    return pairs
