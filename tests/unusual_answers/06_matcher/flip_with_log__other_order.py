"""The better box is the second one; a column of probabilities would do as well as a list."""

import numpy as np


def flip_with_log():
    return np.array([0.2, 0.001]), np.array([[0.61, 0.56, 0.3, 0.3], [0.52, 0.49, 0.3, 0.3]])
