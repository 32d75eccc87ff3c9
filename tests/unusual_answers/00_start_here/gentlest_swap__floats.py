"""Whole numbers, as NumPy's floats."""

import numpy as np


def gentlest_swap():
    return np.array([1.0, 3.0])
