# The two cheapest guesses of each target, which may be the same.
import numpy as np


def two_each(cost):
    order = cost.argsort(0)[:2]
    return order.T.ravel(), np.repeat(np.arange(cost.shape[1]), 2)
