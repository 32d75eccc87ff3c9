"""The mean of nothing."""

import numpy as np


def end_of_plateau(step, curve):
    return np.float64("nan")
