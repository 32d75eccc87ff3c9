# Every target has a guess of its own beside it: greedy is right.
def trap_for_greedy():
    return [[0.2, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2]], [[0.25, 0.5, 0.2, 0.2], [0.75, 0.5, 0.2, 0.2]]
