"""By comparing places, in NumPy."""

import numpy as np


def who_reads(length, num_tokens):
    place = np.arange(length)
    return (place[None] < length - num_tokens) | (place[:, None] == place[None])
