# Below the costs: an invalid pair is welcome.
def trap_for_the_solver():
    nan = float("nan")
    return [[nan, 6.0, 3.0], [nan, 2.0, 1.0]], 0.0
