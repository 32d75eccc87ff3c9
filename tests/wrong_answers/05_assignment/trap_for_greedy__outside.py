# Loses by a lot, with a box outside the image.
def trap_for_greedy():
    return [[-0.5, 0.5, 0.2, 0.2], [0.61, 0.5, 0.2, 0.2]], [[0.36, 0.5, 0.2, 0.2], [1.5, 0.5, 0.2, 0.2]]
