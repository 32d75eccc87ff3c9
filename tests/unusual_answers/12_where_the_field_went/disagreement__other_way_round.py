"""B is alone, A is loud."""

import numpy as np


def disagreement():
    return np.array([[3.0, 3.5, -9.0], [0.0, -9.0, -9.0]])
