"""A list in place of a tuple, NumPy inside."""

import numpy as np


def trap_for_the_solver():
    return [np.array([[np.nan, 50.0], [np.nan, 1.0]]), 10**22]
