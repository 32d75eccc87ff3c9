"""NumPy's masks."""

import numpy as np


def same_focal(ink):
    paper, digit = np.array(ink), np.array(ink)
    paper[tuple(np.argwhere(~np.array(ink))[-10:].T)] = True
    digit[tuple(np.argwhere(np.array(ink))[-30:].T)] = False
    return paper, digit
