"""Sorts what it was given in place, and returns NumPy numbers."""

import numpy as np


def order_of_slots(prediction_index, target_index, num_tokens):
    prediction_index[:] = prediction_index[target_index.argsort()].clone()
    matched = prediction_index.numpy()
    return np.concatenate([matched, np.setdiff1d(np.arange(num_tokens), matched)])
