# A probability of zero has no logarithm.
def flip_with_log():
    return [0.0, 0.5], [[0.5, 0.5, 0.3, 0.3], [0.6, 0.5, 0.3, 0.3]]
