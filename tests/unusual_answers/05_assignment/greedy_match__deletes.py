"""Deletes rows and columns, and remembers their numbers; gives a generator."""

import numpy as np


def greedy_match(cost):
    rows, columns = list(range(cost.shape[0])), list(range(cost.shape[1]))
    while rows and columns:
        block = cost[np.ix_(rows, columns)]
        i, j = np.argwhere(block == block.min())[0]
        yield rows.pop(i), columns.pop(j)
