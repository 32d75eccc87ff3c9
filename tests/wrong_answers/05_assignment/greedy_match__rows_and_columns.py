"""All rows, then all columns, as SciPy gives them."""

import numpy as np


def greedy_match(cost):
    left, pairs = cost.copy(), []
    for _ in range(min(cost.shape)):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return [row for row, _ in pairs], [column for _, column in pairs]
