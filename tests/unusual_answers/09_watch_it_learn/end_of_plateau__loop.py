"""A loop, in place, and a Python number."""

import numpy as np


def end_of_plateau(step, curve):
    curve[2:-2] = np.lib.stride_tricks.sliding_window_view(curve, 5).mean(1)
    falls = [float(curve[place] - curve[place + 8]) for place in range(len(curve) - 8)]
    limit, waited = 0.12 * max(falls), False
    for place, fall in enumerate(falls):
        waited = waited or fall < limit
        if waited and fall >= limit:
            return int(step[place])
    return None
