# All matches look alike, and the first one happens to be the best.
def trap_for_the_solver():
    nan = float("nan")
    return [[nan, 2.0], [nan, 6.0]], 1e20
