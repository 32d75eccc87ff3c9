# The steepest fall is the first one.
import numpy as np


def end_of_plateau(step, curve):
    return step[np.diff(curve).argmin()]
