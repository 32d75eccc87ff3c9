# Crossed-out cells are set to 0, which is cheap beside positive costs.
import numpy as np


def greedy_match(cost):
    left, pairs = cost.copy(), []
    for _ in range(min(cost.shape)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = 0, 0
    return pairs
