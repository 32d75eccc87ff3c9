# The right idea on a short street.
def trap_for_greedy():
    return [[0.3, 0.5, 0.1, 0.1], [0.51, 0.5, 0.1, 0.1]], [[0.41, 0.5, 0.1, 0.1], [0.62, 0.5, 0.1, 0.1]]
