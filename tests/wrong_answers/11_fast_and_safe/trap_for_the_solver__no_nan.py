# Nothing is invalid.
def trap_for_the_solver():
    return [[1.0, 6.0], [5.0, 2.0]], 1e20
