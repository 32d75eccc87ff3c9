# Corner boxes: the last two numbers are right and bottom.
def trap_for_greedy():
    return [[0.0, 0.4, 0.2, 0.6], [0.51, 0.4, 0.71, 0.6]], [[0.26, 0.4, 0.46, 0.6], [0.78, 0.4, 0.98, 0.6]]
