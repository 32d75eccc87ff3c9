"""Walks through the patches, a list of NumPy numbers."""

import numpy as np


def pixels_of(position, image_width, patch_size):
    left, top = np.float64(0), np.float64(0)
    for _ in range(position - 1):
        left += patch_size
        if left >= image_width:
            left, top = np.float64(0), top + patch_size
    return [left, top, left + patch_size, top + patch_size]
